// One query's row: the text, and over each word a bar of its weight. Or one key's column: who looks at it. Long texts are cut round what matters.

const SKY = { tall: 30, long: 400, round: 7, best: 24 };

function rowView(home) {
  const chooser = html("div", { class: "chooser" }), stage = html("div", { class: "sky-stage" }),
    readout = html("div", { class: "readout", "aria-live": "polite" }), lead = html("p", { class: "lead" });
  let shown = null;
  const opened = new Set();
  const node = plate(home, { name: "Row", trust: lookTrust(home), copy: () => shown
    && skyPicture(home, shown) }, lead, chooser, stage, readout);
  const show = () => {
    const head = headOf(home), way = home.state.head === "all" ? "row" : home.state.way, across = way === "row" ? head.queries : head.keys;
    const at = clamp((way === "row" ? home.state.query : home.state.key) ?? 0, 0, across.length - 1), alone = head.own || home.state.head === "all";
    home.keep(chooser, () => chooser.replaceChildren(wayChoice(home), alone ? ""
      : captioned(way === "row" ? "queries" : "keys", strip(home, { label: way === "row" ? "Queries" : "Keys", items: across, chosen: at,
      choose: (to) => home.set(way === "row" ? { query: to } : { key: to }), name: "row" }))));
    fill(home, stage, rowQuery(home, head, way, at), (answer) => {
      shown = skyOf(home, head, way, at, answer);
      lead.textContent = shown.said;
      readout.replaceChildren(home.state.head === "all" ? html("p", {}, html("span", { class: "verb" }, visible(answer.said)))
        : rowSaid(home, head, answer, way));
      return captioned(alone ? "text" : way === "row" ? "keys" : "queries", skyline(home, shown, alone, opened, show));
    });
  };
  return { node, show };
}

const captioned = (name, node) => html("div", { class: "captioned" }, html("h4", {}, name), node);
const wayChoice = (home) => (home.state.head === "all" ? "" : html("div", { class: "controls" },
  choices("way", "Direction", [["row", "Looks at"], ["column", "Is looked at by"]], home.state.way,
  (way) => home.set({ way, ...(way === "column" && home.state.key == null ? { key: Math.min(home.state.query, headOf(home).keys.length - 1) }
    : {}) }))));

function rowQuery(home, { one, base, queries }, way, at) {
  if (home.state.head === "all") return { ask: "rollout", side: one.side, place: queries[at].end - 1 };
  return way === "row" ? { ask: "row", ...base, query: at, top: 64 } : { ask: "column", ...base, key: at, top: 64 };
}

// The bars to draw: over which units, how high, and what is chosen among them.
function skyOf(home, head, way, at, answer) {
  const { one, base, own } = head, over = way === "row" ? head.keys : head.queries, weights = new Map();
  if (home.state.head === "all") {
    const track = home.scene.tracks[one.side === "encoder" ? readTrack(home.scene) : writeTrack(home.scene)],
      units = unitsOf(track, home.state.words);
    for (const [k, { first, end }] of units.entries()) weights.set(k, answer.shares.slice(first, end).reduce((a, b) => a + b, 0));
    return { units, weights, at, own: true, top: Math.max(...weights.values(), 1e-9),
      said: `Rollout through all layers of the ${sideNames[one.side].toLowerCase()}, for one place. Bars are shares of what reaches it.` };
  }
  (way === "row" ? answer.keys : answer.queries).forEach((key, k) => weights.set(key, answer.weights[k]));
  const aside = !home.state.sink && own && way === "row" ? weights.get(0) ?? answer.first ?? 0 : null;
  if (aside != null) weights.delete(0);
  const top = Math.max(...weights.values(), 1e-9), who = `${kindOf(one)}, ${one.name}, ${headName(base.head)}. The tallest bar is ${number(top)}.`;
  const put = aside == null ? "" : ` The first key, ${shorten(over[0].label, 24)}, is set aside: it holds ${percent(aside)} of this row.`;
  const barred = one.causal && way === "row" && own ? at : null;
  return { units: over, weights, at: own ? at : null, own, top, barred, said: who + put + readsSaid(home.scene, one) };
}

// The runs of units to show: all of a short text; of a long one what is near the best and the chosen.
function runsOf({ units, weights, at }, opened) {
  if (units.length <= SKY.long) return [[0, units.length]];
  const best = [...weights].sort((a, b) => b[1] - a[1]).slice(0, SKY.best).map(([k]) => k),
    near = [0, ...best, ...(at == null ? [] : [at]), ...opened].sort((a, b) => a - b), runs = [];
  for (const k of near) {
    const [from, to] = [Math.max(0, k - SKY.round), Math.min(units.length, k + SKY.round + 1)], last = runs.at(-1);
    if (last && from <= last[1] + 3) last[1] = Math.max(last[1], to); else runs.push([from, to]);
  }
  return runs;
}

function skyline(home, shown, choosing, opened, again) {
  const { units, weights, at, top, barred } = shown, runs = runsOf(shown, opened), parts = [];
  const word = (k) => {
    const unit = units[k], weight = weights.get(k) ?? 0, bar = html("i", {});
    bar.style.height = `${Math.round((SKY.tall * weight) / top)}px`;
    bar.style.background = rgb(shade(0.3 + (0.7 * weight) / top, home.dark));
    const klass = `tok${unit.mark ? " mark" : ""}${k === at ? " here" : ""}${weight < 0.005 ? " still" : ""}${barred != null && k > barred
      ? " barred" : ""}`;
    return html("span", { class: klass, role: "option", "aria-selected": String(k === at), tabindex: k === (at ?? runs[0][0]) ? 0 : -1,
      "data-k": k, "data-at": `tok-${k}`,
      "aria-label": `${shorten(unit.label, 60)}${weight ? `, ${number(weight)}` : ""}`,
        title: `${shorten(unit.piece, 100)} · ${k} · ${weight.toFixed(4)}` }, bar, html("bdi", {}, shorten(unit.label, 40)));
  };
  const gap = (from, to) => html("button", { type: "button", class: "more", "aria-label": `Show some of ${to - from} left out`,
    on: { click: () => { for (let k = from; k < Math.min(to, from + 200); k += SKY.round) opened.add(k); again(); } } }, `… ${grouped(to - from)} …`);
  let done = 0;
  for (const [from, to] of runs) {
    if (from > done) parts.push(gap(done, from));
    for (let k = from; k < to; k++) parts.push(word(k));
    done = to;
  }
  if (done < units.length) parts.push(gap(done, units.length));
  const box = html("div", { class: "sky", role: "listbox", "aria-label": "The text with the weight of each part", dir: "auto" }, ...parts);
  const act = (node) => choosing && home.set(home.state.way === "column" && home.state.head !== "all" ? { key: Number(node.dataset.k) }
    : { query: Number(node.dataset.k) });
  box.addEventListener("click", (event) => { const node = event.target.closest(".tok"); if (node) act(node); });
  return roving(box, ".tok", act);
}

function skyPicture(home, shown) {
  const { units, weights, at, top } = shown, width = 900, size = 18, line = 64, family = fontOf(home.element, "--serif"), parts = [];
  let x = 0, y = SKY.tall + size + 8, done = 0;
  const put = (text, k) => {
    const room = wide(text, `${size}px ${family}`) + 10;
    if (x + room > width) { x = 0; y += line; }
    const weight = weights.get(k) ?? 0, tall = (SKY.tall * weight) / top;
    if (weight > 0) parts.push(svg("rect", { x: x + 1, y: y - size - 2 - tall, width: room - 12, height: tall, rx: 2,
      fill: rgb(shade(0.3 + (0.7 * weight) / top, home.dark)) }));
    parts.push(svg("text", { class: "label", x, y, "font-size": size, "font-family": family, "font-weight": k === at ? 700 : 400 }, text));
    x += room;
  };
  for (const [from, to] of runsOf(shown, new Set())) {
    if (from > done) put("…", -1);
    for (let k = from; k < to; k++) put(shorten(units[k].label, 40), k);
    done = to;
  }
  return svg("svg", { width, height: y + 14, viewBox: `0 0 ${width} ${y + 14}` }, ...parts);
}
