// Lines and matrix of texts that can be drawn whole: the drawing is that of <limelight-attention>, the numbers are asked for.

// What every view of one head needs: the attention, its units on both sides, and the part of the query that they share.
function headOf(home, changes = {}) {
  const state = { ...home.state, ...changes }, scene = changes.scene ?? home.scene, one = scene.attentions.find(({ name }) => name === state.name)
    ?? scene.attentions[0];
  const head = state.head === "all" ? "mean" : state.head;
  const base = { name: one.name, head, ...(state.words ? { words: true } : {}), ...(changes.of ? { of: changes.of } : {}) };
  return { one, base, queries: unitsOf(scene.tracks[one.queries], state.words), keys: unitsOf(scene.tracks[one.keys], state.words),
    own: one.queries === one.keys };
}

const isSmall = ({ queries, keys }) => Math.max(queries.length, keys.length) <= FEW;
const wholeTile = ({ base, queries, keys }, sink) => ({ ask: "tile", ...base, rows: [0, queries.length], columns: [0, keys.length],
  size: Math.max(queries.length, keys.length), sink });

// A tile as rows of weights.
function weightsOf(tile) {
  const bytes = bitsOf(tile), unit = tile.max / 255;
  return span(tile.height).map((y) => Array.from(bytes.subarray(y * tile.width, (y + 1) * tile.width), (bit) => bit * unit));
}

function smallView(home, paint, name) {
  const stage = html("div", { class: "stage" }), readout = html("div", { class: "readout", "aria-live": "polite" }),
    key = html("div", { class: "legend" }), aside = html("p", { class: "lead" }), table = html("div", { class: "unseen" });
  const node = plate(home, { name, trust: lookTrust(home), copy: () => stage.querySelector("svg") },
    aside, stage, readout, key, table);
  const show = () => {
    const { sink } = home.state, head = headOf(home);
    fill(home, stage, wholeTile(head, sink), (tile) => {
      aside.textContent = asideSaid(home, head, tile);
      return smallDrawing(home, paint, head, tile, { readout, key, table, settle: (chosen) => home.set(chosen, { quiet: true }), at: home.state });
    });
  };
  return { node, show };
}

function asideSaid(home, { one, keys }, tile) {
  const scene = `${kindOf(one)}, ${home.state.name}, ${headName(home.state.head === "all" ? "mean" : home.state.head)}.${readsSaid(home.scene,
    one)}${everySaid(tile)}`;
  return tile.aside == null ? scene
    : `${scene} The first key, ${shorten(keys[0].label, 24)}, is set aside: it holds ${percent(tile.aside)} of the weight.`;
}

function smallDrawing(home, paint, head, tile, { readout, key, table, settle, at }) {
  const weights = weightsOf(tile), unit = home.state.words ? "word" : "token", labels = (units) => units.map((one) => one.label);
  const seen = { source: labels(head.keys), target: labels(head.queries), weights, links: [], linked: new Set(),
    called: { source: "key", target: "query", unit },
    elsewhere: "What is not drawn: a key that was set aside, or weights that this page does not keep." };
  const held = { chosen: null, pinned: null, view: paint === lines ? "lines" : "matrix", level: "tokens" };
  let drawn = null;
  const say = () => readout.replaceChildren(...told(seen, held, home.dark));
  const choose = (chosen) => {
    held.chosen = chosen ?? held.pinned;
    drawn.choose(held.chosen);
    say();
    const row = held.chosen?.side === "target" ? held.chosen.index : held.chosen?.side === "cell" ? held.chosen.j : null;
    if (row != null) exactly(home, head, weights, row, () => { drawn.choose(held.chosen); say(); });
  };
  const pin = (chosen) => {
    const same = JSON.stringify(chosen) === JSON.stringify(held.pinned);
    held.pinned = same ? null : chosen;
    choose(held.pinned);
    if (chosen && !same) settle(chosen.side === "source" ? { key: chosen.index } : chosen.side === "cell" ? { query: chosen.j, key: chosen.i }
      : { query: chosen.index, key: null });
  };
  drawn = paint({ ...seen, width: home.innerWidth, dark: home.dark, family: fontOf(home.element, "--serif"), ui: fontOf(home.element, "--sans"),
    choose, pin });
  key.replaceChildren(...legend({ ...held, called: seen.called }, home.dark, false));
  table.replaceChildren(spoken(seen));
  queueMicrotask(() => { held.pinned = startWith(at, head, held.view); choose(null); });
  return drawn.node;
}

// A link to a query, a key or a cell opens with it held.
function startWith(state, { queries, keys }, view) {
  const { query, key } = state, row = Number.isInteger(query) && query < queries.length, column = Number.isInteger(key) && key < keys.length;
  if (view === "matrix") return row && column ? { side: "cell", i: key, j: query } : null;
  return column && state.way === "column" ? { side: "source", index: key } : row ? { side: "target", index: query } : null;
}

// A tile holds 255 steps of weight; the row that one looks at gets its exact numbers.
async function exactly(home, { base, keys, own }, weights, row, then) {
  const given = await home.ask({ ask: "row", ...base, query: row, top: keys.length });
  if (given.error) return;
  const aside = home.state.sink || !own ? -1 : 0;
  let changed = false;
  given.keys.forEach((key, k) => { if (key !== aside && weights[row][key] !== given.weights[k]) { weights[row][key] = given.weights[k];
    changed = true; } });
  if (changed) then();
}
