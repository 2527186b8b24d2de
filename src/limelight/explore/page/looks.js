// Attention: which head, which way of looking at it, and the view that shows it.

function attentionView(home) {
  const node = html("div", { class: "view looks" }), bar = html("div", { class: "bar" }), place = html("div", {}), views = {};
  node.append(bar, place);
  const make = { heads: () => headsView(home), "lines small": () => smallView(home, lines, "Lines"), "lines long": () => linksView(home),
    row: () => rowView(home),
    "matrix small": () => smallView(home, matrix, "Matrix"), "matrix long": () => mapView(home) };
  const show = () => {
    if (!home.scene.attentions.length) return node.replaceChildren(hinted("This model has no attention."));
    home.keep(bar, () => bar.replaceChildren(...lookControls(home)));
    const which = viewOf(home), view = views[which] ??= make[which]();
    if (view.node !== place.firstChild) place.replaceChildren(view.node);
    view.show();
  };
  return { node, show };
}

function viewOf(home) {
  const { view } = home.state, head = headOf(home), cells = head.queries.length * head.keys.length;
  if (view === "lines") return isSmall(head) ? "lines small" : "lines long";
  if (view === "matrix") return isSmall(head) && cells <= SMALL ? "matrix small" : "matrix long";
  return view;
}

function lookControls(home) {
  const { state, scene } = home, views = choices("view", "View", VIEWS, state.view, (view) =>
    home.set({ view, ...(state.head === "all" && view !== "row" ? { head: "mean" } : {}) }));
  if (state.view === "heads") return [views];
  const { one } = headOf(home), heads = [["mean", "mean of all heads"], ...span(one.heads).map((h) => [h, `head ${h}`])];
  if (state.view === "row") heads.push(["all", "rollout, all layers"]);
  const units = choices("words", "Units", [["0", "Sub-words"], ["1", "Words"]], state.words ? "1" : "0", (on) =>
    home.set({ words: on === "1", ...moved(home, on === "1") }));
  const sink = headOf(home).own ? choices("sink", "First key", [["1", "First key shown"], ["0", "Set aside"]], state.sink ? "1" : "0", (on) =>
    home.set({ sink: on === "1" })) : "";
  const step = (way) => home.set(neighbour(scene, state, way));
  return [views, html("div", { class: "controls" }, picker("Which attention", attentionGroups(scene), state.name, (name) =>
    home.set(fitting(scene, state, name)), "pick-name"),
    picker("Head", [["", heads]], state.head, (head) => home.set({ head: head === "mean" || head === "all" ? head : Number(head) }), "pick-head"),
    html("span", { class: "tools" }, named("‹", "Previous head", () => step(-1)), named("›", "Next head", () => step(1)))), units, sink];
}

function named(text, label, act) {
  const node = button(text, label, act);
  node.dataset.at = label;
  return node;
}

// The same place of the text, counted in the other units.
function moved(home, words) {
  const { one, queries, keys } = headOf(home), { query, key } = home.state, tracks = home.scene.tracks;
  const to = (track, from, at) => (at == null || !from[at] ? null : unitAt(unitsOf(track, words), from[at].first));
  return { query: to(tracks[one.queries], queries, query) ?? 0, key: to(tracks[one.keys], keys, key) };
}

// Another attention may have fewer heads, or read another text.
function fitting(scene, state, name) {
  const [before, after] = [state.name, name].map((each) => scene.attentions.find((one) => one.name === each)), change = { name };
  if (Number.isInteger(state.head) && state.head >= after.heads) change.head = 0;
  if (before?.queries !== after.queries) change.query = 0;
  if (before?.keys !== after.keys) change.key = null;
  return change;
}

function neighbour(scene, state, way) {
  const all = scene.attentions.flatMap((one) => span(one.heads).map((head) => ({ name: one.name, head })));
  const at = all.findIndex(({ name, head }) => name === state.name && head === (Number.isInteger(state.head) ? state.head : 0));
  const { name, head } = all[(at + way + all.length) % all.length];
  return { ...fitting(scene, state, name), head };
}
