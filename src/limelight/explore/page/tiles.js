// The matrix of a long text on a canvas: tiles of what is in sight are asked for, at the fineness that the screen can show, never the whole n x n.

const TILE = 256;
const MOVES = "Point at a cell, or move with the arrow keys. Drag to move, plus and minus or Ctrl and the wheel to zoom; Enter holds a cell.";

class Atlas {
  #home; #head; #sink; #have = new Map(); #asked = new Set(); #again;
  peak = 0; every = 1; aside = null; error = null;

  constructor(home, head, sink, again) { this.#home = home; this.#head = head; this.#sink = sink; this.#again = again; }

  get rows() { return this.#head.queries.length; }
  get columns() { return this.#head.keys.length; }
  get coarsest() { return Math.max(0, Math.ceil(Math.log2(Math.max(this.rows, this.columns) / TILE))); }

  // The tiles of one level that meet a box: each as the box of cells it covers.
  boxes(level, { r0, r1, c0, c1 }) {
    const size = TILE << level, found = [];
    for (let r = Math.floor(r0 / size) * size; r < Math.min(r1, this.rows); r += size) for (let c = Math.floor(c0 / size) * size;
      c < Math.min(c1, this.columns); c += size)
      if (r >= 0 && c >= 0) found.push({ level, r, c, r1: Math.min(r + size, this.rows), c1: Math.min(c + size, this.columns),
        key: `${level} ${r} ${c}` });
    return found;
  }

  peek(box) { return this.#have.get(box.key); }

  get(box) {
    const tile = this.#have.get(box.key);
    if (!tile && !this.#asked.has(box.key)) this.#fetch(box);
    return tile;
  }

  // The finest tile that is here for a cell.
  at(row, column) {
    for (let level = 0; level <= this.coarsest; level++) {
      const size = TILE << level, tile = this.#have.get(`${level} ${Math.floor(row / size) * size} ${Math.floor(column / size) * size}`);
      if (!tile) continue;
      const y = Math.floor(((row - tile.box.r) * tile.height) / (tile.box.r1 - tile.box.r)),
        x = Math.floor(((column - tile.box.c) * tile.width) / (tile.box.c1 - tile.box.c));
      return { weight: (tile.bytes[y * tile.width + x] / 255) * tile.max, pooled: tile.height < tile.box.r1 - tile.box.r
        || tile.width < tile.box.c1 - tile.box.c };
    }
    return null;
  }

  async #fetch(box) {
    this.#asked.add(box.key);
    const answer = await this.#home.ask({ ask: "tile", ...this.#head.base, rows: [box.r, box.r1], columns: [box.c, box.c1], size: TILE,
      sink: this.#sink });
    if (answer.error) this.error = answer;
    else {
      this.#have.set(box.key, { ...answer, box, bytes: bitsOf(answer), image: null });
      if (box.level === this.coarsest || !this.peak) { this.peak = Math.max(this.peak, answer.max); this.aside = answer.aside ?? null;
        this.every = answer.every ?? 1; }
    }
    this.#again();
  }

  image(tile) {
    const made = `${this.#home.dark} ${this.peak}`;
    if (tile.made !== made) Object.assign(tile, { made,
      image: painted({ bytes: tile.bytes, width: tile.width, height: tile.height, dark: this.#home.dark,
      most: Math.min(1, tile.max / (this.peak || 1)) }) });
    return tile.image;
  }
}

function mapView(home) {
  const canvas = html("canvas", { class: "map", tabindex: 0, role: "application", "aria-roledescription": "matrix", "data-at": "map",
    "aria-label": "Weights: queries down, keys across. Arrow keys move from cell to cell, plus and minus zoom, 0 shows all, Enter holds." });
  const readout = html("div", { class: "readout", "aria-live": "polite" }), lead = html("p", { class: "lead" }),
    key = html("div", { class: "legend" });
  const zoom = (text, label, act) => { const node = button(text, label, act); node.dataset.at = label; return node; };
  const by = (factor) => map.zoom(factor);
  const tools = html("div", { class: "controls zooms" }, zoom("+", "Zoom in", () => by(0.5)), zoom("−", "Zoom out", () => by(2)),
    zoom("All", "Show all", () => map.whole()));
  const node = plate(home, { name: "Matrix", trust: lookTrust(home), copy: () =>
    mapPicture(home, canvas) }, lead, tools, canvas, readout, key);
  const map = new Mapped(home, canvas, { readout, lead, key });
  return { node, show: () => map.show() };
}

const mapPicture = (home, canvas) => svg("svg", { width: canvas.clientWidth, height: canvas.clientHeight,
  viewBox: `0 0 ${canvas.clientWidth} ${canvas.clientHeight}` },
  svg("image", { width: canvas.clientWidth, height: canvas.clientHeight, href: canvas.toDataURL() }));

// What of the matrix is in sight, and how one moves over it.
class Mapped {
  #home; #canvas; #parts; #atlas; #head; #key = ""; #frame = 0; #cell = null; #held = null; #pointers = new Map(); #turn = 0;
  box = { r0: 0, r1: 1, c0: 0, c1: 1 };

  constructor(home, canvas, parts) {
    this.#home = home; this.#canvas = canvas; this.#parts = parts;
    const on = (name, act, how) => canvas.addEventListener(name, act, how);
    on("wheel", (event) => { if (event.ctrlKey || event.metaKey) { event.preventDefault();
      this.zoom(Math.exp(event.deltaY * 0.005), this.#under(event)); } }, { passive: false });
    on("pointerdown", (event) => { this.#pointers.set(event.pointerId, event); canvas.setPointerCapture(event.pointerId); this.moved = 0; });
    on("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) on(name, (event) => this.#pointers.delete(event.pointerId));
    on("pointerleave", () => { this.#cell = this.#held; this.#say(); this.draw(); });
    on("click", (event) => this.moved < 5 && this.#hold(this.#under(event)));
    on("dblclick", (event) => this.zoom(0.5, this.#under(event)));
    on("keydown", (event) => this.#press(event));
  }

  show() {
    const head = headOf(this.#home), { sink } = this.#home.state, key = JSON.stringify([head.base, sink]);
    this.#head = head;
    if (key !== this.#key) {
      const same = this.#atlas?.rows === head.queries.length && this.#atlas?.columns === head.keys.length;
      this.#key = key;
      this.#atlas = new Atlas(this.#home, head, sink, () => this.draw());
      if (!same) this.box = { r0: 0, r1: head.queries.length, c0: 0, c1: head.keys.length };
      const { query, key: column } = this.#home.state;
      this.#held = this.#cell = column == null ? null : { row: query, column };
    }
    this.draw();
    this.#say();
  }

  get #room() { const narrow = this.#home.innerWidth < 560; return { left: narrow ? 62 : 108, top: narrow ? 54 : 78, right: 24 }; }

  #sizes() {
    const { left, top, right } = this.#room, width = Math.max(120, Math.min(this.#home.innerWidth, 900) - left - right),
      square = (width * this.#atlas.rows) / this.#atlas.columns;
    return { left, top, right, width, height: clamp(square, 120, Math.max(320, Math.min(width, innerHeight * 0.8))) };
  }

  whole() { this.box = { r0: 0, r1: this.#atlas.rows, c0: 0, c1: this.#atlas.columns }; this.draw(); }

  zoom(factor, about = this.#cell) {
    const { r0, r1, c0, c1 } = this.box, row = about ? about.row + 0.5 : (r0 + r1) / 2, column = about ? about.column + 0.5 : (c0 + c1) / 2;
    const tall = clamp((r1 - r0) * factor, Math.min(8, this.#atlas.rows), this.#atlas.rows),
      broad = clamp((c1 - c0) * factor, Math.min(8, this.#atlas.columns), this.#atlas.columns);
    const keep = (low, high, at, size) => at - ((at - low) / (high - low)) * size;
    this.#put(keep(r0, r1, row, tall), keep(c0, c1, column, broad), tall, broad);
  }

  #put(r, c, tall = this.box.r1 - this.box.r0, broad = this.box.c1 - this.box.c0) {
    const r0 = clamp(r, 0, this.#atlas.rows - tall), c0 = clamp(c, 0, this.#atlas.columns - broad);
    this.box = { r0, r1: r0 + tall, c0, c1: c0 + broad };
    this.draw();
  }

  #under(event) {
    const place = this.#canvas.getBoundingClientRect(), { left, top, width, height } = this.#sizes(), { r0, r1, c0, c1 } = this.box;
    const x = (event.clientX - place.left - left) / width, y = (event.clientY - place.top - top) / height;
    return x < 0 || y < 0 || x >= 1 || y >= 1 ? null : { row: Math.floor(r0 + y * (r1 - r0)), column: Math.floor(c0 + x * (c1 - c0)) };
  }

  #move(event) {
    const before = this.#pointers.get(event.pointerId), { width, height } = this.#sizes();
    if (before) {
      const others = [...this.#pointers.values()].filter((one) => one.pointerId !== event.pointerId), dx = event.clientX - before.clientX,
        dy = event.clientY - before.clientY;
      this.moved += Math.abs(dx) + Math.abs(dy);
      if (others.length) {
        const apart = (one) => Math.hypot(one.clientX - others[0].clientX, one.clientY - others[0].clientY) + 1;
        this.zoom(apart(before) / apart(event), this.#under(event));
      } else this.#put(this.box.r0 - (dy * (this.box.r1 - this.box.r0)) / height, this.box.c0 - (dx * (this.box.c1 - this.box.c0)) / width);
      this.#pointers.set(event.pointerId, event);
    } else if (event.pointerType !== "touch") { this.#cell = this.#under(event) ?? this.#held; this.#say(); this.draw(); }
  }

  #press(event) {
    const { row, column } = this.#cell ?? { row: Math.floor(this.box.r0), column: Math.floor(this.box.c0) }, far = event.shiftKey ? 10 : 1;
    const to = { ArrowUp: [row - far, column], ArrowDown: [row + far, column], ArrowLeft: [row, column - far], ArrowRight: [row, column + far],
      Home: [row, 0], End: [row, this.#atlas.columns - 1], PageUp: [row - 100, column], PageDown: [row + 100, column] }[event.key];
    const act = { "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2), 0: () => this.whole(), Enter: () =>
      this.#hold(this.#cell), Escape: () => this.#hold(null) }[event.key];
    if (!to && !act) return;
    event.preventDefault();
    if (act) return act();
    this.#cell = { row: clamp(to[0], 0, this.#atlas.rows - 1), column: clamp(to[1], 0, this.#atlas.columns - 1) };
    this.#follow();
    this.#say();
    this.draw();
  }

  #follow() {
    const { r0, r1, c0, c1 } = this.box, { row, column } = this.#cell;
    this.#put(row < r0 ? row : row + 1 > r1 ? row + 1 - (r1 - r0) : r0, column < c0 ? column : column + 1 > c1 ? column + 1 - (c1 - c0) : c0);
  }

  #hold(cell) {
    this.#held = this.#cell = cell;
    this.#home.set(cell ? { query: cell.row, key: cell.column } : { key: null }, { quiet: true });
    this.#say();
    this.draw();
  }

  // The weight of a cell: at once from the tiles, then exactly, from its row.
  async #say() {
    const cell = this.#cell, turn = ++this.#turn, { queries, keys, base } = this.#head;
    if (!cell) return this.#parts.readout.replaceChildren(hinted(MOVES));
    const name = (unit, at) => [html("bdi", { class: "subject" }, shorten(unit.label, 40)), html("small", { class: "verb" }, String(at))];
    const say = (text) => this.#parts.readout.replaceChildren(html("p", {}, ...name(queries[cell.row], cell.row),
      html("span", { class: "verb" }, "looks at"), ...name(keys[cell.column], cell.column), html("span", { class: "exact" }, text)));
    const near = this.#atlas.at(cell.row, cell.column);
    say(near ? `${near.pooled ? "at most " : ""}${near.weight.toFixed(3)}` : "…");
    if (this.#pointers.size) return;
    await new Promise((done) => setTimeout(done, 90));
    if (turn !== this.#turn) return;
    const row = await this.#home.ask({ ask: "row", ...base, query: cell.row, top: 64 });
    if (turn !== this.#turn || row.error) return;
    const at = row.keys.indexOf(cell.column);
    say(at >= 0 ? row.weights[at].toFixed(4) : `less than ${(row.weights.at(-1) ?? 0).toFixed(4)}`);
  }

  draw() { this.#frame ||= requestAnimationFrame(() => { this.#frame = 0; if (this.#canvas.isConnected) this.#paint(); }); }

  #paint() {
    const { left, top, right, width, height } = this.#sizes(), ratio = devicePixelRatio || 1, whole = [left + width + right, top + height + 2];
    if (this.#canvas.width !== Math.round(whole[0] * ratio) || this.#canvas.height !== Math.round(whole[1] * ratio)) {
      [this.#canvas.width, this.#canvas.height] = whole.map((size) => Math.round(size * ratio));
      [this.#canvas.style.width, this.#canvas.style.height] = whole.map((size) => `${size}px`);
    }
    const paper = this.#canvas.getContext("2d"), { r0, r1, c0, c1 } = this.box, unit = { x: width / (c1 - c0), y: height / (r1 - r0) };
    const tone = (name) => this.#home.colour(name);
    this.#canvas.style.touchAction = r1 - r0 < this.#atlas.rows || c1 - c0 < this.#atlas.columns ? "none" : "pan-y";
    paper.setTransform(ratio, 0, 0, ratio, 0, 0);
    paper.fillStyle = tone("--paper");
    paper.fillRect(0, 0, ...whole);
    paper.save();
    paper.beginPath();
    paper.rect(left, top, width, height);
    paper.clip();
    paper.fillStyle = rgb(shade(0, this.#home.dark));
    paper.fillRect(left, top, width, height);
    paper.imageSmoothingEnabled = false;
    const level = clamp(Math.floor(Math.log2(1 / Math.min(unit.x, unit.y))), 0, this.#atlas.coarsest);
    for (let at = this.#atlas.coarsest; at >= level; at--) for (const box of this.#atlas.boxes(at, this.box)) {
      const tile = at === level || at === this.#atlas.coarsest ? this.#atlas.get(box) : this.#atlas.peek(box);
      if (tile) paper.drawImage(this.#atlas.image(tile), left + (box.c - c0) * unit.x, top + (box.r - r0) * unit.y, (box.c1 - box.c) * unit.x,
        (box.r1 - box.r) * unit.y);
    }
    if (this.#cell) this.#crossed(paper, { left, top, width, height, unit, ink: tone("--ink") });
    paper.restore();
    paper.strokeStyle = tone("--edge");
    paper.lineWidth = 1;
    paper.strokeRect(left - 0.5, top - 0.5, width, height);
    this.#named(paper, { left, top, width, height, unit, ink: tone("--ink"), soft: tone("--soft") });
    this.#legend();
  }

  #crossed(paper, { left, top, width, height, unit, ink }) {
    const { row, column } = this.#cell, { r0, c0 } = this.box, x = left + (column - c0) * unit.x, y = top + (row - r0) * unit.y;
    paper.strokeStyle = ink;
    paper.setLineDash([2, 3]);
    paper.strokeRect(left, y, width, Math.max(unit.y, 1));
    paper.strokeRect(x, top, Math.max(unit.x, 1), height);
    paper.setLineDash([]);
    paper.lineWidth = 2;
    paper.strokeRect(x, y, Math.max(unit.x, 2), Math.max(unit.y, 2));
  }

  // Words beside the cells where there is room for words, else numbers of places.
  #named(paper, { left, top, width, height, unit, ink, soft }) {
    const { r0, r1, c0, c1 } = this.box, serif = fontOf(this.#home.element, "--serif"), sans = fontOf(this.#home.element, "--sans");
    const every = (size) => [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000].find((step) => step * size >= 44) ?? 5000, words = (size) => size >= 13;
    const text = (label, x, y, { turned, worded, lit }) => {
      paper.font = worded ? `${lit ? 700 : 400} ${Math.min(15, worded)}px ${serif}` : `11px ${sans}`;
      paper.fillStyle = lit ? ink : soft;
      paper.save();
      paper.translate(x, y);
      if (turned) paper.rotate(-Math.PI / 4);
      paper.textAlign = turned ? "left" : "right";
      paper.textBaseline = "middle";
      paper.fillText(label, 0, 0);
      paper.restore();
    };
    const label = (units, at, size, room) => (words(size) ? fitted(units[at].label, 16, room, `14px ${serif}`) : String(at));
    const stepY = words(unit.y) ? 1 : every(unit.y), stepX = words(unit.x) ? 1 : every(unit.x);
    for (let r = Math.ceil(r0 / stepY) * stepY; r < r1 && r < this.#atlas.rows; r += stepY)
      text(label(this.#head.queries, r, unit.y, left - 14), left - 8, top + (r - r0 + 0.5) * unit.y,
        { worded: words(unit.y) && unit.y, lit: this.#cell?.row === r });
    for (let c = Math.ceil(c0 / stepX) * stepX; c < c1 && c < this.#atlas.columns; c += stepX)
      text(label(this.#head.keys, c, unit.x, (top - 12) * 1.2), left + (c - c0 + 0.5) * unit.x, top - 8,
        { turned: true, worded: words(unit.x) && unit.x, lit: this.#cell?.column === c });
  }

  #legend() {
    const { key, lead, readout } = this.#parts, atlas = this.#atlas, bar = html("span", { class: "scale", "aria-hidden": "true" }),
      { r0, r1, c0, c1 } = this.box;
    bar.style.background = `linear-gradient(90deg, ${span(21).map((k) => rgb(shade(Math.sqrt(k / 20), this.#home.dark))).join(", ")})`;
    const inSight = `queries ${Math.floor(r0)} to ${Math.ceil(r1) - 1} down, keys ${Math.floor(c0)} to ${Math.ceil(c1) - 1} across`;
    key.replaceChildren(html("span", { class: "key" }, "weight 0", bar, number(atlas.peak)), html("span", { class: "key faint" }, inSight));
    const { one, keys } = this.#head;
    const aside = atlas.aside == null ? "" : ` The first key, ${shorten(keys[0].label, 24)}, is set aside: it holds ${percent(atlas.aside)} of the weight.`;
    lead.textContent = `${kindOf(one)}, ${one.name}, ${headName(this.#head.base.head)}. ${grouped(atlas.rows)} × ${grouped(atlas.columns)} weights.`
      + everySaid(atlas) + aside;
    if (atlas.error) readout.replaceChildren(problem(atlas.error));
  }
}
