// <limelight-attention>: draws one Picture (see picture.py) as lines between words, or as a matrix.
//
// The data stands inside the element as <script type="application/json">, or is set as `element.picture`. Read after tools.js.

const FLOOR = 0.04, FEW = 80, SMALL = 2500;      // weakest line at rest; words that lines serve; cells drawn one by one
const RING = 5;                                  // pixels of a cell that a ring needs

// --- the element -----------------------------------------------------------------------------------------------------------
class Attention extends HTMLElement {
  #root = this.attachShadow({ mode: "open" });
  #data; #error = ""; #parts = {}; #width = 0; #draw = () => {}; #waiting = false;
  #state = { view: "lines", level: "words", head: "", chosen: null, pinned: null };
  #watch = new ResizeObserver(([entry]) => this.#resized(entry.contentRect.width));
  #repaint = () => this.#data && this.#show();

  set picture(data) { this.#data = data; if (this.isConnected) this.#start(); }
  get picture() { return this.#data; }

  connectedCallback() {
    this.#root.adoptedStyleSheets = [HOUSE, DRAWN, SHEET];
    if (!this.#data) this.#read();
    this.#start();
    SCHEME.addEventListener("change", this.#repaint);
    document.addEventListener("limelight-scheme", this.#repaint);
  }

  disconnectedCallback() {
    this.#watch.disconnect();
    SCHEME.removeEventListener("change", this.#repaint);
    document.removeEventListener("limelight-scheme", this.#repaint);
  }

  #read() {
    const text = this.querySelector('script[type="application/json"]')?.textContent ?? "";
    try { this.#data = JSON.parse(text); } catch (error) { this.#error = `This picture cannot be read: ${error.message}`; }
  }

  get #dark() { return isDark(this); }

  // What is drawn now: words, or the sub-words that one head saw.
  get #shown() {
    const { source, target, weights, links, tokens } = this.#data;
    if (this.#state.level === "words") return { source, target, weights, links, linked: new Set(links.map(([i, j]) => `${i} ${j}`)) };
    return { source: tokens.source, target: tokens.target, weights: tokens.weights[this.#state.head], links: [], linked: new Set() };
  }

  #start() {
    if (!this.#data) return this.#root.replaceChildren(html("p", { class: "broken" }, this.#error || "There is no picture here."));
    const { source, target, tokens } = this.#data;
    this.#state.view = Math.max(source.length, target.length) > FEW ? "matrix" : "lines";
    this.#state.head = tokens ? Object.keys(tokens.weights)[0] : "";
    const parts = this.#parts = {
      stage: html("div", { class: "stage" }), readout: html("div", { class: "readout", "aria-live": "polite" }),
      legend: html("div", { class: "legend" }), table: html("div", { class: "unseen" }), note: html("span", { class: "note", role: "status" }),
      how: html("p", { class: "how" }), heads: html("label", {}),
    };
    this.#root.replaceChildren(html("figure", {},
      html("header", {}, this.#title(), this.#controls()), parts.stage, parts.readout, parts.legend, this.#caption(), parts.table));
    this.#watch.disconnect();
    this.#watch.observe(parts.stage);
    this.#width = parts.stage.clientWidth;
    this.#show();
  }

  #title() {
    const level = this.getAttribute("heading-level") ?? "2";
    return html("p", { class: "title", role: "heading", "aria-level": level, dir: "auto" }, shorten(this.#data.title || "Attention", 160));
  }

  #caption() {
    const { trust, model, seconds } = this.#data;
    return html("figcaption", {},
      html("p", { class: "trust" }, html("b", {}, "How far to trust it"), html("span", {}, visible(trust))),
      this.#parts.how,
      html("p", { class: "made" }, [visible(model), `${number(seconds)} s`].filter((said) => said !== "␣").join(" · ")));
  }

  // --- controls ------------------------------------------------------------------------------------------------------------
  #controls() {
    const { tokens } = this.#data;
    const bar = html("div", { class: "controls" }, this.#choice("view", "View", [["lines", "Lines"], ["matrix", "Matrix"]]));
    if (tokens) {
      const heads = html("select", { "aria-label": "Attention head", on: { change: (event) => this.#set({ head: event.target.value }) } },
        ...Object.keys(tokens.weights).map((name) => html("option", { value: name }, visible(name))));
      bar.append(this.#choice("level", "Units", [["words", "Words"], ["tokens", "Sub-words"]]), this.#parts.heads = html("label", { class: "heads" }, heads));
    }
    bar.append(html("span", { class: "tools" },
      button("PNG", "Copy as PNG", () => this.#copy("png")), button("SVG", "Copy as SVG", () => this.#copy("svg")),
      button("◐", "Switch between light and dark", () => turnScheme(this)), this.#parts.note));
    return bar;
  }

  #choice(name, label, options) {
    return choices(name, label, options, this.#state[name], (value) => this.#set({ [name]: value }));
  }

  #set(change) {
    Object.assign(this.#state, { chosen: null, pinned: null }, change);
    this.#show();
  }

  #resized(width) {
    if (Math.abs(width - this.#width) < 1 || this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(() => { this.#waiting = false; this.#width = this.#parts.stage.clientWidth; this.#show(); });
  }

  // --- showing ---------------------------------------------------------------------------------------------------------------
  #show() {
    const seen = this.#shown, { stage, how, table } = this.#parts, width = Math.max(this.#width, 240);
    const paint = this.#state.view === "lines" ? lines : matrix;
    this.#parts.heads.hidden = this.#state.level === "words";
    how.textContent = this.#state.level === "words" ? visible(this.#data.how)
      : `${visible(this.#state.head)}, sub-words as the model saw them; no alignment is drawn, and the number above is for words`;
    const drawn = paint({ ...seen, width, dark: this.#dark, family: fontOf(this, "--serif"), ui: fontOf(this, "--sans"),
      choose: (chosen) => this.#choose(chosen), pin: (chosen) => this.#pin(chosen) });
    stage.replaceChildren(drawn.node);
    this.#draw = drawn.choose;
    this.#parts.legend.replaceChildren(...legend(this.#state, this.#dark, drawn.marked ?? true));
    table.replaceChildren(spoken(seen));
    this.#choose(null);
  }

  #choose(chosen) {
    this.#state.chosen = chosen ?? this.#state.pinned;
    this.#draw(this.#state.chosen);
    this.#parts.readout.replaceChildren(...told(this.#shown, this.#state, this.#dark));
  }

  #pin(chosen) {
    const same = JSON.stringify(chosen) === JSON.stringify(this.#state.pinned);
    this.#state.pinned = same ? null : chosen;
    this.#choose(same ? null : chosen);
  }

  // --- taking it along ---------------------------------------------------------------------------------------------------------
  async #copy(kind) {
    const { title, trust, model } = this.#data;
    const said = [[title, 15, "ink"], [trust, 13, "ink"], [`${this.#parts.how.textContent} · ${model}`, 12, "soft"]];
    await handOver(exported(this.#parts.stage.querySelector("svg"), said, getComputedStyle(this)), kind, "attention", this.#parts.note);
  }
}

// --- view one: lines ---------------------------------------------------------------------------------------------------------
// Source and target stand in two rows where both fit, else in two columns. `at` gives each word's place, `end` where its lines end.
const CALLED = { source: "source", target: "target", unit: "word" };
function lines(given) {
  const { source, target, weights, linked, dark, family, choose, pin, called = CALLED } = given;
  const plan = across(given) ?? down(given);
  const drawn = ribbons(given, plan);
  const rest = svg("g", { class: "rest", fill: "none" }, ...drawn.map((one) => line(plan, one, dark))), words = svg("g", {});
  const focus = svg("g", { class: "focus", fill: "none" });
  const nodes = { source: [], target: [] };
  const act = (side, index) => ({
    pointerenter: (event) => event.pointerType !== "touch" && choose({ side, index }),
    pointerleave: (event) => event.pointerType !== "touch" && choose(null),
    click: () => { settle(side, index); pin({ side, index }); },
    focus: (event) => event.target.matches(":focus-visible") && choose({ side, index }),
    blur: () => choose(null), keydown: (event) => step(event, side, index),
  });
  for (const [side, list] of Object.entries({ source, target })) {
    for (const [index, word] of list.entries()) {
      const node = token(plan, side, index, word, { family, on: act(side, index), called: `${called[side]} ${called.unit}` });
      nodes[side].push(node);
      words.append(node);
    }
  }
  const settle = (side, index) => {              // one stop for the Tab key a sentence; arrows move inside it
    for (const node of nodes[side]) node.setAttribute("tabindex", "-1");
    nodes[side][index].setAttribute("tabindex", "0");
  };
  const step = (event, side, index) => {
    const last = nodes[side].length - 1;
    const along = plan.across ? ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"] : ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"];
    const best = side === "target" ? top(weights[index]) : top(weights.map((row) => row[index]));
    const moves = { [along[0]]: [side, index - 1], [along[1]]: [side, index + 1], Home: [side, 0], End: [side, last],
      [along[2]]: ["source", side === "source" ? index : best], [along[3]]: ["target", side === "target" ? index : best] };
    if (event.key === "Enter" || event.key === " ") pin({ side, index });
    else if (event.key === "Escape") { pin(null); choose(null); }
    else if (moves[event.key]) {
      const [to, where] = moves[event.key];
      const place = clamp(where, 0, nodes[to].length - 1);
      settle(to, place);
      nodes[to][place].focus();
      choose({ side: to, index: place });
    } else return;
    event.preventDefault();
  };
  const node = svg("svg", { class: "lines", width: plan.width, height: plan.height, viewBox: `0 0 ${plan.width} ${plan.height}`,
    role: "group", "aria-label": `Lines from each ${called.target} ${called.unit} to the ${called.source} ${called.unit}s that it looked at` }, rest, focus, ...plan.signs, words);
  for (const side of ["source", "target"]) nodes[side][0].setAttribute("tabindex", "0");
  return { node, choose: (chosen) => light(chosen, { node, focus, nodes, plan, drawn, weights, linked, dark }) };
}

const top = (row) => row.indexOf(Math.max(...row));

// The chosen word's own lines, all down to half a hundredth, with numbers at their far ends.
function light(chosen, { node, focus, nodes, plan, drawn, weights, linked, dark }) {
  node.classList.toggle("chosen", Boolean(chosen));
  focus.replaceChildren();
  for (const side of ["source", "target"]) for (const word of nodes[side]) word.relax();
  if (!chosen) return;
  const { side, index } = chosen, far = side === "source" ? "target" : "source";
  nodes[side][index].choose();
  const at = (other) => (side === "source" ? [index, other] : [other, index]), weigh = (other) => weights[at(other)[1]][at(other)[0]];
  for (const other of span(nodes[far].length).sort((a, b) => weigh(a) - weigh(b))) {
    const [i, j] = at(other);
    const weight = weights[j][i], tied = linked.has(`${i} ${j}`);
    if (weight < 0.005 && !tied) continue;
    focus.append(line(plan, drawn.find((one) => one.i === i && one.j === j) ?? { i, j, weight, tied, from: 0, to: 0 }, dark));
    nodes[far][other].lit(weight, dark);
  }
}

// The lines worth drawing at rest, weakest first. At each word they stand side by side in the order of their far ends, so none hides another.
const thick = (weight) => 0.75 + 13 * weight;
function ribbons({ source, target, weights, linked }, plan) {
  const most = Math.max(source.length, target.length) > FEW ? 3 : Infinity;
  const found = weights.flatMap((row, j) => [...row.keys()].map((i) => ({ i, j, weight: row[i], tied: linked.has(`${i} ${j}`), from: 0, to: 0 }))
    .filter(({ weight, tied }) => weight >= FLOOR || tied).sort((a, b) => b.weight - a.weight).slice(0, most));
  const stand = (near, far, offset, room) => {
    for (const at of new Set(found.map((one) => one[near]))) {
      const group = found.filter((one) => one[near] === at).sort((a, b) => a[far] - b[far]);
      const whole = group.reduce((sum, one) => sum + thick(one.weight), 0), fit = Math.min(1, room / whole);
      let edge = -whole / 2;
      for (const one of group) { one[offset] = fit * (edge + thick(one.weight) / 2); edge += thick(one.weight); }
    }
  };
  stand("i", "j", "from", plan.across ? 48 : 26);
  stand("j", "i", "to", plan.across ? 48 : 26);
  return found.sort((a, b) => a.weight - b.weight);
}

function line(plan, { i, j, weight, tied, from, to }, dark) {
  const shift = ([x, y], by) => (plan.across ? [x + by, y] : [x, y + by]), bend = 0.5;
  const [x1, y1] = shift(plan.end.source(i), from), [x2, y2] = shift(plan.end.target(j), to);
  const curve = plan.across ? `C${x1} ${y1 + (y2 - y1) * bend} ${x2} ${y2 - (y2 - y1) * bend} ${x2} ${y2}`
    : `C${x1 + (x2 - x1) * bend} ${y1} ${x2 - (x2 - x1) * bend} ${y2} ${x2} ${y2}`;
  const colour = rgb(shade(0.16 + 0.84 * weight, dark));
  const path = svg("path", { d: `M${x1} ${y1}${curve}`, stroke: colour, "stroke-width": thick(weight).toFixed(2), class: "ribbon" });
  if (!tied) return path;
  const bead = (x, y) => svg("circle", { cx: x, cy: y, r: clamp(thick(weight) / 2, 3.5, 6), stroke: colour, "stroke-width": 2.5, class: "bead" });
  return svg("g", {}, path, bead(x1, y1), bead(x2, y2));
}

// A word: a soft plate, the word, and room for a number. Says of itself how it is drawn when it is chosen or lit.
function token(plan, side, index, word, { family, on, called }) {
  const { x, y, wide: room, anchor } = plan.at[side](index), label = plan.label[side][index];
  const left = anchor === "middle" ? x - room / 2 : anchor === "end" ? x - room : x;
  const plate = svg("rect", { class: "plate", x: left - 8, y: y - plan.size - 3, width: room + 16, height: plan.size * 1.55, rx: 8 });
  const text = svg("text", { class: "word", x, y, "text-anchor": anchor, "font-size": plan.size, "font-family": family }, label);
  const [nx, ny, na] = plan.number[side](index);
  const says = svg("text", { class: "says", x: nx, y: ny, "text-anchor": na, "font-size": 12 });
  const node = svg("g", { class: `token ${side}`, tabindex: -1, role: "button", "aria-label": `${shorten(word, 60)}, ${called} ${index + 1}`, on },
    svg("title", {}, shorten(word, 200)), plate, text, says);
  node.relax = () => { node.setAttribute("class", `token ${side}`); plate.style.fill = text.style.fill = ""; says.textContent = ""; };
  node.choose = () => node.classList.add("picked");
  node.lit = (weight, dark) => {
    const colour = shade(weight, dark);
    node.classList.add("lit");
    plate.style.fill = rgb(colour);
    text.style.fill = bright(colour) ? "#14201a" : "#f8faf0";
    says.textContent = number(weight);
  };
  return node;
}

function across({ source, target, width, family, ui, called = CALLED }) {
  for (const size of [26, 23, 20]) {
    const label = { source: source.map((w) => shorten(w, 24)), target: target.map((w) => shorten(w, 24)) };
    const lay = (words) => {
      const widths = words.map((word) => wide(word, `${size}px ${family}`)), gap = size * 1.15;
      const whole = widths.reduce((a, b) => a + b, 0) + gap * (words.length - 1);
      return { widths, gap, whole };
    };
    const rows = { source: lay(label.source), target: lay(label.target) };
    const most = Math.max(rows.source.whole, rows.target.whole);
    if (most > width - 24) continue;
    const height = 392, base = { source: 78, target: height - 58 };
    const spread = Math.min((width - 24) / most, 1.7);      // a short sentence may breathe
    const xs = {}; for (const side of ["source", "target"]) {
      const { widths, gap, whole } = rows[side], extra = widths.length > 1 ? (Math.min(whole * spread, width - 24) - whole) / (widths.length - 1) : 0;
      let x = (width - whole - extra * (widths.length - 1)) / 2;
      xs[side] = widths.map((w) => { const middle = x + w / 2; x += w + gap + extra; return middle; });
    }
    const sign = (text, y) => svg("text", { class: "side", x: width / 2, y, "text-anchor": "middle", "font-size": 12, "font-family": ui }, text);
    return {
      across: true, size, width, height, label,
      at: { source: (i) => ({ x: xs.source[i], y: base.source, wide: rows.source.widths[i], anchor: "middle" }),
        target: (j) => ({ x: xs.target[j], y: base.target, wide: rows.target.widths[j], anchor: "middle" }) },
      end: { source: (i) => [xs.source[i], base.source + size * 0.62], target: (j) => [xs.target[j], base.target - size - 8] },
      number: { source: (i) => [xs.source[i], base.source - size - 9, "middle"], target: (j) => [xs.target[j], base.target + size * 0.52 + 16, "middle"] },
      signs: [sign(called.source, 14), sign(called.target, height - 2)],
    };
  }
  return null;
}

function down({ source, target, width, family, ui, called = CALLED }) {
  const size = width < 520 ? 19 : 21, most = width < 520 ? 14 : 28, step = 40, head = 34;
  const font = `${size}px ${family}`, fit = (words) => words.map((word) => fitted(word, most, width * 0.32, font));
  const label = { source: fit(source), target: fit(target) };
  const widths = { source: label.source.map((w) => wide(w, font)), target: label.target.map((w) => wide(w, font)) };
  const [left, right] = [Math.max(...widths.source), Math.max(...widths.target)];
  const span = Math.min(width - left - right - 24, 460), start = (width - left - right - span) / 2;
  const x = { source: start + left, target: start + left + span };
  const inner = Math.max(source.length, target.length) * step, height = inner + head + 12;
  const y = { source: (i) => head + ((i + 0.5) * inner) / source.length + 8, target: (j) => head + ((j + 0.5) * inner) / target.length + 8 };
  const sign = (text, at, anchor) => svg("text", { class: "side", x: at, y: 14, "text-anchor": anchor, "font-size": 12, "font-family": ui }, text);
  return {
    across: false, size, width, height, label,
    at: { source: (i) => ({ x: x.source, y: y.source(i), wide: widths.source[i], anchor: "end" }),
      target: (j) => ({ x: x.target, y: y.target(j), wide: widths.target[j], anchor: "start" }) },
    end: { source: (i) => [x.source + 14, y.source(i) - size * 0.3], target: (j) => [x.target - 14, y.target(j) - size * 0.3] },
    number: { source: (i) => [x.source + 26, y.source(i) - size * 0.3 + 4, "start"], target: (j) => [x.target - 26, y.target(j) - size * 0.3 + 4, "end"] },
    signs: [sign(called.source, x.source, "end"), sign(called.target, x.target, "start")],
  };
}

// --- view two: matrix ----------------------------------------------------------------------------------------------------------
// Small ones are drawn cell by cell with their numbers; large ones are one canvas, a pixel a cell, under the same cross-hair.
function matrix(given) {
  const { source, target, weights, links, width, dark, family, choose, pin, called = CALLED } = given;
  const size = width < 520 ? 15 : 17, font = `${size}px ${family}`, most = width < 520 ? 11 : 20;
  const fit = (words, room) => words.map((word) => fitted(word, most, room, font));
  const names = { source: fit(source, 150), target: fit(target, width * 0.28) };
  const widest = (list) => Math.max(...list.map((word) => wide(word, font)));
  const rowsWide = widest(names.target) + 16;
  const cell = clamp((width - rowsWide - 40) / source.length, 2, 64), tall = clamp(cell, 2, 46);
  const labelled = cell >= 13 && tall >= 13, slanted = widest(names.source) > cell - 8;
  const left = labelled ? rowsWide : 28, headTall = !labelled ? 28 : slanted ? widest(names.source) * 0.72 + size + 4 : size + 22;
  const gridWide = cell * source.length, gridTall = tall * target.length;
  const start = Math.max(left, (width - gridWide - left) / 2 + left - (slanted ? 12 : 0));
  const whole = Math.max(width, start + gridWide + (labelled && slanted ? widest(names.source) * 0.72 : 8)), height = headTall + gridTall + 10;
  const place = (i, j) => [start + i * cell, headTall + j * tall];
  const body = svg("g", {});
  if (source.length * target.length <= SMALL) cells(body, { weights, place, cell, tall, dark });
  else body.append(svg("image", { x: start, y: headTall, width: gridWide, height: gridTall, preserveAspectRatio: "none",
    class: "pixels", href: pixels(weights, dark) }));
  for (const [i, j] of Math.min(cell, tall) >= RING ? links : []) {
    const [x, y] = place(i, j), inset = cell > 12 ? 2.5 : 0;
    body.append(svg("rect", { class: "link", x: x + inset, y: y + inset, width: cell - 2 * inset, height: tall - 2 * inset, rx: cell > 12 ? 5 : 0, fill: "none" }));
  }
  const heads = { source: [], target: [] };
  if (labelled) {
    for (const [i, name] of names.source.entries()) {
      const x = start + (i + 0.5) * cell, y = headTall - 10;
      heads.source.push(svg("text", { class: "name", x: slanted ? x + 2 : x, y, "font-size": size, "font-family": family,
        "text-anchor": slanted ? "start" : "middle", transform: slanted ? `rotate(-45 ${x + 2} ${y})` : null }, svg("title", {}, shorten(source[i], 200)), name));
    }
    for (const [j, name] of names.target.entries()) {
      heads.target.push(svg("text", { class: "name", x: start - 12, y: headTall + (j + 0.5) * tall + size * 0.34, "font-size": size, "font-family": family,
        "text-anchor": "end" }, svg("title", {}, shorten(target[j], 200)), name));
    }
  } else body.append(svg("text", { class: "side", x: start, y: 16, "font-size": 12 }, `${called.source}, ${source.length} across`),
    svg("text", { class: "side", x: 16, y: headTall, "font-size": 12, "text-anchor": "end", transform: `rotate(-90 16 ${headTall})` }, `${called.target}, ${target.length} down`));
  const cross = svg("g", { class: "cross", fill: "none" });
  const under = (event) => {
    const box = node.getBoundingClientRect();
    const i = Math.floor((event.clientX - box.left - start) / cell), j = Math.floor((event.clientY - box.top - headTall) / tall);
    return i >= 0 && j >= 0 && i < source.length && j < target.length ? { side: "cell", i, j } : null;
  };
  let here = null;
  const move = (event) => {
    const { i, j } = here ?? { i: 0, j: 0 }, far = event.ctrlKey ? 10 : 1;
    const moves = { ArrowLeft: [i - far, j], ArrowRight: [i + far, j], ArrowUp: [i, j - far], ArrowDown: [i, j + far], Home: [0, j], End: [source.length - 1, j],
      PageUp: [i, j - 10], PageDown: [i, j + 10] };
    if (event.key === "Enter" || event.key === " ") pin(here);
    else if (event.key === "Escape") { pin(null); choose(null); }
    else if (moves[event.key]) {
      const [x, y] = moves[event.key];
      choose({ side: "cell", i: clamp(x, 0, source.length - 1), j: clamp(y, 0, target.length - 1) });
    } else return;
    event.preventDefault();
  };
  const node = svg("svg", { class: "matrix", width: whole, height, viewBox: `0 0 ${whole} ${height}`, tabindex: 0, role: "application",
    "aria-roledescription": "matrix", "aria-label": `Weights: ${called.target} ${called.unit}s down, ${called.source} ${called.unit}s across. Arrow keys move from cell to cell.`, on: {
      pointermove: (event) => event.pointerType !== "touch" && choose(under(event)), pointerleave: () => choose(null), click: (event) => pin(under(event)),
      keydown: move, focus: () => node.matches(":focus-visible") && choose(here ?? { side: "cell", i: 0, j: 0 }), blur: () => choose(null) } },
    body, ...heads.source, ...heads.target, cross);
  const show = (chosen) => {
    cross.replaceChildren();
    for (const name of [...heads.source, ...heads.target]) name.classList.remove("picked");
    node.classList.toggle("chosen", Boolean(chosen));
    if (!chosen) return;
    here = chosen;
    const [x, y] = place(chosen.i, chosen.j);
    heads.source[chosen.i]?.classList.add("picked");
    heads.target[chosen.j]?.classList.add("picked");
    cross.append(svg("rect", { x: start, y, width: gridWide, height: tall, class: "band" }), svg("rect", { x, y: headTall, width: cell, height: gridTall, class: "band" }),
      svg("rect", { x, y, width: cell, height: tall, class: "spot", rx: cell > 12 ? 4 : 0 }));
  };
  return { node: html("div", { class: "scroll" }, node), choose: show, marked: Math.min(cell, tall) >= RING };
}

function cells(body, { weights, place, cell, tall, dark }) {
  const gap = cell > 10 ? 1.5 : cell > 5 ? 0.5 : 0;
  for (const [j, row] of weights.entries()) for (const [i, weight] of row.entries()) {
    const [x, y] = place(i, j), colour = shade(weight, dark);
    body.append(svg("rect", { class: "cell", x: x + gap, y: y + gap, width: cell - 2 * gap, height: tall - 2 * gap, rx: cell > 12 ? 6 : 0, fill: rgb(colour) }));
    if (cell >= 34 && weight >= 0.01)
      body.append(svg("text", { class: "count", x: x + cell / 2, y: y + tall / 2 + 4.2, "font-size": 12, "text-anchor": "middle",
        fill: bright(colour) ? "#14201a" : "#f8faf0", opacity: weight < 0.05 ? 0.55 : 1 }, number(weight).replace(/^0/, "")));
  }
}

function pixels(weights, dark) {
  const canvas = html("canvas", { width: weights[0].length, height: weights.length }), paper = canvas.getContext("2d");
  const image = paper.createImageData(canvas.width, canvas.height);
  let at = 0;
  for (const row of weights) for (const weight of row) {
    image.data.set(shade(weight, dark), at);
    image.data[at + 3] = 255;
    at += 4;
  }
  paper.putImageData(image, 0, 0);
  return canvas.toDataURL();
}

// --- what is said --------------------------------------------------------------------------------------------------------------
const ELSEWHERE = "What is left went to marks that are no words, such as the end of the sentence.";
function told({ source, target, weights, linked, elsewhere = ELSEWHERE }, { chosen, pinned }, dark) {
  if (!chosen) return [html("p", { class: "hint" }, "Point at a word, tap it, or move with Tab and the arrow keys. Enter holds it, Escape lets go.")];
  const { side } = chosen, j = side === "cell" ? chosen.j : chosen.index;
  const fromSource = side === "source";
  const row = fromSource ? weights.map((line) => line[chosen.index]) : weights[j], words = fromSource ? target : source;
  const tied = (k) => linked.has(fromSource ? `${chosen.index} ${k}` : `${k} ${j}`);
  const ranked = span(row.length).sort((a, b) => row[b] - row[a]).filter((k, rank) => rank === 0 || (row[k] >= 0.01 && rank < 5) || tied(k)).slice(0, 12);
  const chip = (k) => {
    const swatch = html("i", {});
    swatch.style.background = rgb(shade(row[k], dark));
    return html("span", { class: tied(k) ? "chip tied" : "chip" }, swatch, html("bdi", {}, shorten(words[k], 40)), html("b", {}, number(row[k])),
      tied(k) ? html("em", {}, "aligned") : null);
  };
  const first = side === "cell" ? [html("span", { class: "exact" }, html("bdi", {}, shorten(source[chosen.i], 40)), ` ${weights[j][chosen.i].toFixed(4)}`)] : [];
  const rest = fromSource ? 0 : 1 - row.reduce((a, b) => a + b, 0);
  const word = html("bdi", { class: "subject" }, shorten((fromSource ? source : target)[fromSource ? chosen.index : j], 60));
  const verb = fromSource ? "was looked at by" : "looked at";
  return [html("p", {}, word, html("span", { class: "verb" }, verb), ...first, ...ranked.map(chip),
    rest >= 0.005 ? html("span", { class: "chip rest", title: elsewhere }, "elsewhere ", html("b", {}, number(rest))) : null,
    pinned ? html("span", { class: "held" }, "held") : null)];
}

function legend({ view, level, called = CALLED }, dark, marked) {
  const bar = html("span", { class: "scale", "aria-hidden": "true" });
  bar.style.background = `linear-gradient(90deg, ${span(21).map((k) => rgb(shade(k / 20, dark))).join(", ")})`;
  const tied = level === "tokens" || !marked ? null : html("span", { class: "key" }, html("i", { class: view === "lines" ? "dots" : "ring" }), "aligned words");
  const how = view === "lines" ? "thicker and stronger: more weight" : `one row a ${called.target} ${called.unit}`;
  return [html("span", { class: "key" }, "weight 0", bar, "1"), tied, html("span", { class: "key faint" }, how)].filter(Boolean);
}

// The same numbers as a table, for those who listen. Whole where that can be listened to, else the best five of each row.
function spoken({ source, target, weights, linked, called = CALLED }) {
  const whole = source.length * target.length <= SMALL, name = (word) => shorten(word, 60);
  const say = (i, j) => number(weights[j][i]) + (linked.has(`${i} ${j}`) ? ", aligned" : "");
  const best = (row) => [...row.keys()].sort((a, b) => row[b] - row[a]).slice(0, 5);
  const row = `${called.target} ${called.unit}`, head = whole ? [row, ...source.map(name)] : [row, `${called.source} ${called.unit}s with the most weight`];
  return html("table", {}, html("caption", {}, whole ? `Attention weights: a row for each ${row}` : `Each ${row}'s five strongest ${called.source} ${called.unit}s`),
    html("thead", {}, html("tr", {}, ...head.map((text) => html("th", { scope: "col" }, text)))),
    html("tbody", {}, ...weights.map((row, j) => html("tr", {}, html("th", { scope: "row" }, name(target[j])),
      ...(whole ? source.map((_, i) => html("td", {}, say(i, j))) : [html("td", {}, best(row).map((i) => `${name(source[i])} ${say(i, j)}`).join("; "))])))));
}

// --- how it looks ----------------------------------------------------------------------------------------------------------------
const DRAWN = new CSSStyleSheet();                // lines, matrix and what is said of them, wherever they stand
DRAWN.replaceSync(`
.scroll { overflow-x: auto; }
.rest > * { opacity: .92; transition: opacity .15s; }
.chosen .rest > * { opacity: .09; }
.ribbon { stroke-linecap: round; }
.bead { fill: var(--paper); }
.word, .name { fill: var(--ink); }
.side { fill: var(--soft); letter-spacing: .06em; }
.token { cursor: pointer; outline: none; }
.plate { fill: transparent; transition: fill .12s; }
.token:hover .plate { fill: var(--raised); }
.chosen .token:not(.lit, .picked) .word { opacity: .45; }
.picked .plate { fill: var(--ink) !important; }
.picked .word { fill: var(--paper) !important; }
.token:focus-visible .plate { stroke: var(--glow); stroke-width: 2; }
.says { fill: var(--ink); font-family: var(--sans); font-weight: 600; font-variant-numeric: tabular-nums; paint-order: stroke; stroke: var(--paper); stroke-width: 9px; stroke-linejoin: round; }
.matrix { cursor: crosshair; outline: none; touch-action: manipulation; }
.pixels { image-rendering: pixelated; }
.cell { stroke: var(--edge); stroke-width: .5; }
.count { font-family: var(--sans); font-variant-numeric: tabular-nums; pointer-events: none; }
.link { stroke: var(--ink); stroke-width: 1.6; }
.name { fill: var(--soft); }
.name.picked { fill: var(--ink); font-weight: 700; }
.band { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 2 3; }
.spot { stroke: var(--ink); stroke-width: 2.5; }
.readout { min-height: 66px; padding: 12px 16px; border-radius: 12px; background: var(--raised); display: flex; align-items: center; box-sizing: border-box; }
.readout p { margin: 0; display: flex; flex-wrap: wrap; gap: 6px 14px; align-items: baseline; min-width: 0; overflow-wrap: anywhere; }
.hint, .verb, .held, .faint, .made, .how { color: var(--soft); }
.subject { font: 600 19px/1.3 var(--serif); }
.exact { font-weight: 700; font-variant-numeric: tabular-nums; border-right: 1px solid var(--edge); padding-right: 14px; }
.chip { display: inline-flex; gap: 6px; align-items: baseline; font-variant-numeric: tabular-nums; }
.chip i { width: 11px; height: 11px; border-radius: 3px; border: 1px solid var(--edge); align-self: center; flex: none; }
.chip bdi { font: 17px/1.3 var(--serif); }
.chip b { font-weight: 600; }
.chip em, .held { font-style: normal; font-size: 12px; color: var(--soft); }
.chip.rest { color: var(--soft); }
.legend { display: flex; flex-wrap: wrap; gap: 6px 26px; font-size: 13px; }
.key { display: inline-flex; gap: 9px; align-items: center; }
.scale { width: 120px; height: 10px; border-radius: 5px; border: 1px solid var(--edge); }
.ring { width: 13px; height: 11px; border: 1.6px solid var(--ink); border-radius: 4px; }
.dots { width: 34px; height: 11px; background: radial-gradient(circle at 5.5px 50%, transparent 2.6px, var(--glow) 3px 5px, transparent 5.4px),
  radial-gradient(circle at 28.5px 50%, transparent 2.6px, var(--glow) 3px 5px, transparent 5.4px), linear-gradient(var(--glow), var(--glow)) center / 14px 4px no-repeat; }
`);

const SHEET = new CSSStyleSheet();
SHEET.replaceSync(`
figure { margin: 0; display: grid; gap: 18px; min-width: 0; grid-template-columns: minmax(0, 1fr); container-type: inline-size; }
header { display: flex; flex-wrap: wrap; gap: 12px 24px; align-items: center; justify-content: space-between; }
.title { margin: 0; font: 600 17px/1.35 var(--sans); letter-spacing: -.01em; overflow-wrap: anywhere; }
.stage { min-width: 0; overflow-x: auto; }
figcaption { border-top: 1px solid var(--edge); padding-top: 14px; font-size: 13px; }
figcaption p { margin: 0 0 3px; overflow-wrap: anywhere; }
.trust { font-size: 14px; display: flex; flex-wrap: wrap; gap: 0 10px; }
.trust b { font-weight: 600; }
@container (max-width: 600px) { .readout { min-height: 128px; align-items: start; } }
@media print { .controls, .readout { display: none; } }
`);

define("limelight-attention", Attention);
