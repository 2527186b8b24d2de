// Lab: heads switched off, words masked or swapped, and what the model says then, beside what it said before.

function labView(home) {
  const node = html("div", { class: "view lab" });
  if (!home.scene.live?.lab) {
    node.append(absentLab(home));
    return { node, show() {} };
  }
  const tools = html("div", { class: "bench" }), result = html("div", { class: "outcome" }), looks = html("div", {});
  node.append(tools, result, looks);
  let last = null;
  const show = () => {
    home.keep(tools, () => tools.replaceChildren(...labTools(home)));
    const query = editOf(home.state), key = JSON.stringify(query);
    if (key === last) return outcomeLooks(home, looks);
    last = key;
    home.asker.forget("after");
    fill(home, result, query, (answer) => {
      home.edited = answer.scene;
      outcomeLooks(home, looks);
      return outcome(home, answer);
    });
  };
  return { node, show };
}

function absentLab(home) {
  const { scene } = home, command = scene.command ?? (scene.kept?.say?.match(/limelight look .*--web/)?.[0]
    || `limelight look ${scene.model} "…" --web`);
  return html("section", { class: "plate quiet" }, html("h3", {}, "The lab needs the model"),
    html("p", {}, "Here heads are switched off, words are masked or swapped, and the model answers anew. "
      + "This file keeps what the model did, not the model. Open it live:"),
    html("pre", {}, html("code", {}, visible(command))));
}

const editOf = ({ off, mask, swap }) => ({ ask: "edit", ablate: Object.fromEntries(Object.entries(off).filter(([, heads]) => heads.length)), mask,
  swap });
const nothingDone = (state) => { const { ablate, mask, swap } = editOf(state); return !Object.keys(ablate).length && !mask.length
  && !Object.keys(swap).length; };

function labTools(home) {
  const track = home.scene.tracks[readTrack(home.scene)];
  const clear = button("As it was", "Undo all changes", () => home.set({ off: {}, mask: [], swap: {} }));
  clear.disabled = nothingDone(home.state);
  clear.dataset.at = "clear";
  return [html("section", { class: "plate" }, html("header", {}, html("h3", {}, "Words"), html("span", { class: "tools" }, clear)),
    html("p", { class: "lead" }, "Choose a word to mask it or to put another in its place."), wordTools(home, track)),
    html("section", { class: "plate" }, html("h3", {}, "Heads"), html("p", { class: "lead" },
      "A filled square is a head at work. Choose one to switch it off; choose a layer's name to switch the whole layer."), switches(home))];
}

function wordTools(home, track) {
  const { mask, swap } = home.state, spots = written(track), picked = home.picked ?? null;
  const chip = ({ word, label }) => {
    const state = swap[word] != null ? " swapped" : mask.includes(word) ? " masked" : "";
    const inner = swap[word] == null ? wordOfText(label, 28) : html("span", {}, wordOfText(swap[word], 28), html("s", {}, shorten(label, 20)));
    const pick = () => { home.picked = picked === word ? null : word; home.set({}); };
    return html("button", { type: "button", class: `chipped${state}`, "aria-pressed": String(picked === word), "data-at": `lab-${word}`,
      tabindex: word === (picked ?? spots[0]?.word) ? 0 : -1, "aria-label": `${shorten(label, 40)}${state ? `,${state}` : ""}`,
      on: { click: pick } }, inner);
  };
  const at = spots.find(({ word }) => word === picked), long = spots.length > 120 ? spots.slice(0, 120) : spots;
  return html("div", {}, roving(html("div", { class: "strip", role: "group", "aria-label": "Words" }, ...long.map(chip)), ".chipped"),
    spots.length > long.length ? html("p", { class: "count" }, `the first 120 of ${grouped(spots.length)} words`) : null,
    at ? wordMenu(home, at) : null);
}

const written = (track) => {                       // only what was given can be changed
  const given = new Set(track.tokens.slice(0, track.prompt).map((token) => token.word));
  return (track.words ?? []).map(([from, to], word) => ({ word, label: lettersOf(track).slice(from, to).join("") }))
    .filter(({ word }) => given.has(word));
};

function wordMenu(home, { word, label }) {
  const { mask, swap } = home.state, masked = mask.includes(word);
  const input = html("input", { type: "text", "aria-label": `Another word for ${shorten(label, 40)}`, value: swap[word] ?? "",
    placeholder: "another word", "data-at": "swap", maxlength: 200 });
  const others = (list) => list.filter((one) => one !== word);
  const without = Object.fromEntries(Object.entries(swap).filter(([at]) => Number(at) !== word));
  const put = () => home.set({ swap: input.value.trim() ? { ...without, [word]: input.value.trim() } : without, mask: others(mask) });
  input.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); put(); } });
  const turn = () => home.set({ mask: masked ? others(mask) : [...mask, word], swap: without });
  return html("div", { class: "controls menu" }, wordOfText(label),
    named(masked ? "Unmask" : "Mask", masked ? "Unmask the word" : "Mask the word", turn), input, named("Swap", "Put this word in its place", put));
}

function switches(home) {
  const { off } = home.state;
  const turn = (name, heads) => home.set({ off: { ...off, [name]: heads } });
  const flip = (one, h) => {
    const now = off[one.name] ?? [];
    turn(one.name, now.includes(h) ? now.filter((k) => k !== h) : [...now, h].sort((a, b) => a - b));
  };
  const square = (one, h) => {
    const name = `${one.name}, head ${h}`, dead = (off[one.name] ?? []).includes(h);
    return html("button", { type: "button", class: "switch", role: "switch", "aria-checked": String(!dead), tabindex: -1, "aria-label": name,
      title: `${name}: ${dead ? "off" : "on"}`, "data-at": `switch-${one.name}-${h}`, on: { click: () => flip(one, h) } });
  };
  const row = (one) => {
    const all = (off[one.name] ?? []).length === one.heads;
    const layer = named(`${one.layer}`, `${all ? "Switch on" : "Switch off"} all of ${one.name}`, () => turn(one.name, all ? [] : span(one.heads)));
    return html("div", { class: "switch-row" }, layer, html("span", { class: "squares" }, ...span(one.heads).map((h) => square(one, h))));
  };
  const kinds = new Map();
  for (const one of home.scene.attentions) kinds.set(kindOf(one), [...(kinds.get(kindOf(one)) ?? []), one]);
  const board = html("div", { class: "switches" }, ...[...kinds].map(([kind, list]) =>
    html("div", { class: "switch-kind", role: "group", "aria-label": kind }, html("h4", {}, kind), ...list.map(row))));
  board.querySelector(".switch")?.setAttribute("tabindex", "0");
  return roving(board, ".switch");
}

// --- what came of it ----------------------------------------------------------------------------------------------------------
function outcome(home, { before, after, score_of_before: score, change, scene }) {
  const same = nothingDone(home.state), name = home.scene.task ?? "";
  const side = (title, said, lit) => html("div", { class: "said" }, html("h4", {}, title), html("p", { class: "prose", dir: "auto" }, ...lit),
    said.logp == null ? null : html("p", { class: "count" }, `log-probability ${told4(said.logp)}`), said.candidates?.length
    ? candidateBars(home, said.candidates) : null);
  const plain = (said) => [shorten(said.text ?? "", 2000)];
  const now = scene?.steps?.length ? marked(home.scene, scene) : plain(after);
  const line = same ? "Nothing is changed yet." : change == null ? null
    : `Under the change the first answer is ${told4(Math.abs(change))} nats ${change <= 0 ? "less" : "more"} likely${score == null ? ""
    : ` (log-probability ${told4(score)})`}.`;
  return [html("section", { class: "plate", "aria-label": "Before and after" },
    html("header", {}, html("h3", {}, "Before and after"), name ? html("span", { class: "count" }, visible(name)) : null),
    html("div", { class: "pair" }, side("Before", before, plain(before)), side("After", after, now)), line
    ? html("p", { class: "lead", role: "status" }, line) : null,
    trusted(home.scene.trust?.lab ?? home.scene.trust?.weights))];
}

// What the changed answer says, with what the first did not say marked.
function marked(before, after) {
  const pieces = (scene) => scene.steps.filter((step) => !isMark(scene, step.id)).map((step) => step.piece);
  const is = pieces(after), kept = shared(pieces(before), is);
  return is.map((piece, k) => html(kept.has(k) ? "span" : "mark", {}, (k && startsWord(piece) ? " " : "") + shorten(bare(piece), 60)));
}

// Places of the second list that stand in the longest common part of both; of long lists, only what is equal from either end.
function shared(was, is) {
  let start = 0, end = 0;
  while (start < Math.min(was.length, is.length) && was[start] === is[start]) start++;
  while (end < Math.min(was.length, is.length) - start && was.at(-1 - end) === is.at(-1 - end)) end++;
  const kept = new Set([...span(start), ...span(end).map((k) => is.length - 1 - k)]);
  const [a, b] = [was, is].map((list) => list.slice(start, list.length - end));
  if (a.length * b.length > 250_000) return kept;
  const best = span(a.length + 1).map(() => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) for (let j = b.length - 1; j >= 0; j--)
    best[i][j] = a[i] === b[j] ? best[i + 1][j + 1] + 1 : Math.max(best[i + 1][j], best[i][j + 1]);
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] === b[j]) { kept.add(start + j); i++; j++; } else if (best[i + 1][j] >= best[i][j + 1]) i++; else j++;
  }
  return kept;
}

function candidateBars(home, candidates) {
  const rows = candidates.slice(0, 5).map(([label, p], k) => ({ label: bare(label), chosen: !k,
    series: [{ value: p, class: "amount", said: percent(p) }] }));
  return bars(home, rows, { most: 1, width: Math.min(home.innerWidth - 48, home.width > 760 ? home.width / 2 - 60 : 620),
    aria: rows.map((row) => `${row.label} ${row.series[0].said}`).join(", ") });
}

// The same head before and after, side by side.
function outcomeLooks(home, place) {
  if (!home.edited) return;
  const { state, scene } = home, half = home.width > 760 ? (home.innerWidth - 40) / 2 : home.innerWidth,
    boxes = ["before", "after"].map((of) => html("div", { class: "said" }, html("h4", {}, of === "before" ? "Before" : "After"),
    html("div", { class: "of" })));
  const pick = html("div", { class: "controls" }, picker("Which attention", attentionGroups(scene), state.name, (name) =>
    home.set(fitting(scene, state, name)), "lab-name"),
    picker("Head", [["", [["mean", "mean of all heads"], ...span(headOf(home).one.heads).map((h) => [h, `head ${h}`])]]], state.head === "all"
      ? "mean" : state.head, (head) => home.set({ head: head === "mean" ? head : Number(head) }), "lab-head"));
  const part = html("section", { class: "plate", "aria-label": "Attention before and after" }, html("h3", {}, "Attention before and after"), pick,
    html("div", { class: "pair" }, ...boxes), trusted(lookTrust(home)));
  home.keep(place, () => place.replaceChildren(part));
  for (const [k, of] of ["before", "after"].entries()) {
    const head = headOf(home, { scene: of === "after" ? home.edited : scene, ...(of === "after" ? { of } : {}) }),
      box = boxes[k].querySelector(".of");
    const size = Math.min(256, Math.max(head.queries.length, head.keys.length));
    fill(home, box, { ask: "tile", ...head.base, rows: [0, head.queries.length], columns: [0, head.keys.length], size, sink: state.sink },
      (tile) => comparedTile(home, head, tile, half));
  }
}

function comparedTile(home, head, tile, width) {
  const few = head.queries.length * head.keys.length <= SMALL && isSmall(head), label = `${head.one.name}, ${headName(head.base.head)}`;
  if (few) {
    const drawn = matrix({ source: head.keys.map((one) => one.label), target: head.queries.map((one) => one.label), weights: weightsOf(tile),
      links: [], linked: new Set(), width, dark: home.dark,
      family: fontOf(home.element, "--serif"), ui: fontOf(home.element, "--sans"), choose: () => {}, pin: () => {},
        called: { source: "key", target: "query", unit: "token" } });
    return drawn.node;
  }
  const canvas = painted({ bytes: bitsOf(tile), width: tile.width, height: tile.height, dark: home.dark });
  canvas.className = "whole";
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `Weights of ${label}`);
  return canvas;
}
