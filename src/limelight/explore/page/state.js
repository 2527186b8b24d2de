// What is being looked at, and its way into the address of the page and back. Only what differs from the start is written.

const TABS = [["steps", "Steps"], ["attention", "Attention"], ["align", "Align"], ["lab", "Lab"], ["evidence", "Evidence"]];
const tabsOf = (scene) => (scene.given ? TABS.filter(([name]) => name === "align") : TABS);
const VIEWS = [["heads", "Heads"], ["lines", "Lines"], ["row", "Row"], ["matrix", "Matrix"]];

function startOf(scene) {
  const first = scene.attentions[0], start = scene.start ?? {};
  const name = scene.attentions.some((one) => one.name === start.name) ? start.name : first?.name ?? "";
  return { tab: tabsOf(scene)[0][0], view: "heads", name, head: start.head ?? 0, query: start.query ?? 0, key: null, way: "row", words: false, sink: true,
    step: 0, method: scene.live?.evidence?.[0] ?? "", off: {}, mask: [], swap: {} };
}

const WRITE = {
  head: String, query: String, key: String, step: String, words: (on) => (on ? "1" : "0"), sink: (shown) => (shown ? "1" : "0"),
  off: (off) => Object.entries(off).filter(([, heads]) => heads.length).map(([name, heads]) => `${name}:${heads.join("+")}`).join(";"),
  mask: (places) => places.join("+"), swap: (swap) => JSON.stringify(swap),
};
const READ = {
  head: (text) => (text === "mean" || text === "all" ? text : Number(text)), query: Number, key: Number, step: Number, words: (text) =>
    text === "1", sink: (text) => text !== "0",
  off: (text) => Object.fromEntries(text.split(";").filter(Boolean).map((part) => { const [name, heads = ""] = part.split(":");
    return [name, numbersOf(heads)]; })),
  mask: numbersOf, swap: (text) => { try { return JSON.parse(text); } catch { return {}; } },
};
function numbersOf(text) { return text.split(/[+\s]/).filter(Boolean).map(Number); }

function hashOf(state, start) {
  const said = new URLSearchParams();
  for (const [name, value] of Object.entries(state)) {
    const [text, usual] = [value, start[name]].map((one) => (one == null ? "" : (WRITE[name] ?? String)(one)));
    if (text !== usual) said.set(name, text);
  }
  return said.toString();
}

function stateOf(hash, scene) {
  const state = startOf(scene);
  for (const [name, text] of new URLSearchParams(hash.replace(/^#/, ""))) if (name in state) state[name] = (READ[name] ?? String)(text);
  return checked(state, scene);
}

// A link may be old, cut or made by hand: whatever does not fit this scene falls back to the start.
function checked(state, scene) {
  const start = startOf(scene), one = scene.attentions.find(({ name }) => name === state.name);
  const within = (value, count) => Number.isInteger(value) && value >= 0 && value < count;
  if (!tabsOf(scene).some(([name]) => name === state.tab)) state.tab = start.tab;
  if (!VIEWS.some(([name]) => name === state.view)) state.view = start.view;
  if (!one) Object.assign(state, { name: start.name, head: start.head });
  const seen = one ?? scene.attentions.find(({ name }) => name === start.name);
  if (seen && state.head !== "mean" && state.head !== "all" && !within(state.head, seen.heads)) state.head = 0;
  if (seen && !within(state.query, unitsOf(scene.tracks[seen.queries], state.words).length)) state.query = 0;
  if (seen && state.key != null && !within(state.key, unitsOf(scene.tracks[seen.keys], state.words).length)) state.key = null;
  if (!within(state.step, Math.max(1, stepsOf(scene).length))) state.step = 0;
  if (!(scene.live?.evidence ?? []).includes(state.method)) state.method = start.method;
  if (!["row", "column"].includes(state.way)) state.way = "row";
  state.mask = state.mask.filter((place) => Number.isInteger(place) && place >= 0);
  state.off = Object.fromEntries(scene.attentions.map(({ name, heads }) => [name, (state.off[name] ?? []).filter((head) => within(head, heads))])
    .filter(([, heads]) => heads.length));
  state.swap = Object.fromEntries(Object.entries(Object(state.swap)).filter(([place, word]) => /^\d+$/.test(place) && typeof word === "string"));
  return state;
}

// The places that can be walked: what was written, or every place of a text that is only read.
function stepsOf(scene) {
  if (scene.steps?.length) return scene.steps.map((step) => ({ ...step, label: labelOf(step), mark: isMark(scene, step.id) }));
  const track = scene.tracks.text;
  return track ? unitsOf(track).map((unit, at) => ({ at, piece: unit.piece, label: unit.label, mark: unit.mark, read: true })) : [];
}
