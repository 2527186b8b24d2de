// Where answers come from: the file itself, a server on this machine, or a notebook's kernel. All have `live` and ask(query) -> Promise of an
// answer, which is {error, hint} where there is none.

const fault = (error, hint = "") => ({ error, hint });

async function unpacked(text) {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

// --- the file -------------------------------------------------------------------------------------------------------------
// Rows hold the best keys of every query; whatever else is asked of them is made here.
class Kept {
  live = false;
  #bundle; #rows = new Map();

  constructor(bundle) { this.#bundle = bundle; }

  async ask(query) {
    const make = { scene: () => ({ start: this.#bundle.start, ...this.#bundle.scene, kept: this.#bundle.kept.rest }), grid: () =>
      this.#found("grid", query.name),
      arith: () => this.#found("arith", `${query.name}/${query.head}/${query.query}`), step: () => this.#found("steps", query.i),
      evidence: () => this.#found("evidence", query.method), rollout: () => this.#found("rollout", `${query.side}/${query.place}`),
      row: () => this.#row(query), column: () => this.#column(query), tile: () => this.#tile(query), lines: () => this.#lines(query) }[query.ask];
    if (!make) return fault("This needs the model, and a file has none.", this.#hint);
    return make();
  }

  get #hint() { return this.#bundle.kept.rest?.say ?? ""; }

  #found(kind, key) { return this.#bundle.kept[kind]?.[key] ?? fault("This file does not keep these numbers.", this.#hint); }

  async #opened(name) {
    const packed = this.#bundle.kept.rows[name];
    if (!packed) return null;
    if (!this.#rows.has(name)) this.#rows.set(name, unpacked(packed.data).then((bytes) => split(bytes, packed)));
    return this.#rows.get(name);
  }

  // A function from a query's number to all its weights, summed over the keys of a word and meant over its queries where words are asked for;
  // and the keys that it has just given weight to, which are few.
  async #reader({ name, head, words }) {
    const rows = await this.#opened(name), of = this.#bundle.scene.attentions.find((one) => one.name === name);
    if (!rows || !of) return null;
    const tracks = this.#bundle.scene.tracks, heads = head === "mean" ? span(rows.heads.length) : [head];
    const queries = unitsOf(tracks[of.queries], words), keys = unitsOf(tracks[of.keys], words);
    const home = new Uint16Array(rows.keys);
    for (const [at, { first, end }] of keys.entries()) home.fill(at, first, end);
    const weights = new Float32Array(keys.length), touched = [];
    const read = (i) => {
      for (const key of touched) weights[key] = 0;
      touched.length = 0;
      const { first, end } = queries[i], share = 1 / (255 * heads.length * (end - first));
      for (const h of heads) for (let place = first * rows.t; place < end * rows.t; place++) {
        const key = rows.heads[h].keys[place];
        if (key >= rows.keys) continue;
        if (!weights[home[key]]) touched.push(home[key]);
        weights[home[key]] += rows.heads[h].weights[place] * share;
      }
      return weights;
    };
    return { read, touched, queries: queries.length, keys: keys.length, own: of.queries === of.keys };
  }

  async #row(query) {
    const from = await this.#reader(query);
    if (!from) return this.#found("rows", "");
    const weights = Array.from(from.read(query.query)), rest = Math.max(0, 1 - weights.reduce((a, b) => a + b, 0));
    const keys = span(weights.length).filter((key) => weights[key] > 0).sort((a, b) => weights[b] - weights[a]).slice(0, query.top ?? 64);
    const entropy = rest > 0.02 ? null : -weights.reduce((sum, weight) => sum + (weight > 0 ? weight * Math.log(weight) : 0), 0);
    const kept = keys.reduce((sum, key) => sum + weights[key], 0);
    return { query: query.query, keys, weights: keys.map((key) => weights[key]), rest: Math.max(0, 1 - kept), kept, entropy, first: weights[0] };
  }

  async #column(query) {
    const from = await this.#reader(query);
    if (!from) return this.#found("rows", "");
    const weights = span(from.queries).map((i) => from.read(i)[query.key]);
    const queries = span(from.queries).filter((i) => weights[i] > 0).sort((a, b) => weights[b] - weights[a]).slice(0, query.top ?? 64);
    return { key: query.key, queries, weights: queries.map((i) => weights[i]), mean: weights.reduce((a, b) => a + b, 0) / weights.length };
  }

  async #lines({ floor = 0.04, most = 600, ...query }) {
    const from = await this.#reader(query);
    if (!from) return this.#found("rows", "");
    const links = [];
    for (let i = 0; i < from.queries; i++) {
      const weights = from.read(i);
      for (const key of from.touched) if (weights[key] >= floor) links.push([i, key, weights[key]]);
    }
    links.sort((a, b) => b[2] - a[2]).splice(most);
    return { links, kept: links.reduce((sum, link) => sum + link[2], 0) / from.queries };
  }

  async #tile({ rows: [top, end], columns: [left, right], size = 256, sink = true, ...query }) {
    const from = await this.#reader(query);
    if (!from) return this.#found("rows", "");
    const height = Math.min(size, end - top), width = Math.min(size, right - left), sum = new Float32Array(height * width);
    const without = !sink && from.own;
    let aside = 0;
    for (let i = top; i < end; i++) {
      const weights = from.read(i), y = Math.floor(((i - top) * height) / (end - top)) * width;
      if (without) { aside += weights[0] / (end - top); weights[0] = 0; }
      for (const j of from.touched) if (j >= left && j < right) {
        const at = y + Math.floor(((j - left) * width) / (right - left));
        if (weights[j] > sum[at]) sum[at] = weights[j];
      }
    }
    const max = sum.reduce((a, b) => Math.max(a, b), 0);
    return { rows: [top, end], columns: [left, right], height, width, max,
      bytes: Uint8Array.from(sum, (weight) => Math.round((weight / (max || 1)) * 255)), ...(without ? { aside } : {}) };
  }
}

// A head after a head: n * t keys of two bytes, then n * t weights of one.
function split(bytes, { heads, n, t, keys }) {
  const count = n * t;
  return { keys, t, heads: span(heads).map((h) => {
    const start = h * count * 3, view = new DataView(bytes.buffer, bytes.byteOffset + start, count * 2);
    return { keys: Uint16Array.from({ length: count }, (_, place) => view.getUint16(place * 2, true)),
      weights: bytes.subarray(start + count * 2, start + count * 3) };
  }) };
}

// --- a model on this machine ------------------------------------------------------------------------------------------------
class Live {
  live = true;
  constructor(address) { this.address = address; }

  ask(query) { return this.#sent(this.address, "application/json", JSON.stringify(query)); }
  give(file) { return this.#sent(`${this.address.replace(/ask$/, "give")}?name=${encodeURIComponent(file.name)}`, "application/octet-stream", file); }

  async #sent(address, kind, body) {
    try {
      const answer = await fetch(address, { method: "POST", headers: { "Content-Type": kind }, body });
      return await answer.json();
    } catch {
      return fault("The model behind this page does not answer.", "Start it again where it ran: limelight look … --web");
    }
  }
}

// --- a notebook's kernel ----------------------------------------------------------------------------------------------------
class Messages {
  live = true;
  #waiting = new Map(); #count = 0;

  constructor(model) {
    this.model = model;
    model.on("msg:custom", ({ id, answer }) => { this.#waiting.get(id)?.(answer); this.#waiting.delete(id); });
  }

  ask(query) { return this.#sent({ query }); }
  async give(file) { return this.#sent({ give: file.name }, [await file.arrayBuffer()]); }

  #sent(content, buffers = []) {
    return new Promise((done) => {
      const id = ++this.#count;
      this.#waiting.set(id, done);
      if (buffers.length) this.model.send({ id, ...content }, undefined, buffers); else this.model.send({ id, ...content });
    });
  }
}

// --- asked once ---------------------------------------------------------------------------------------------------------------
// Equal questions are asked once, and a few at a time; the newest first, because what is looked at now matters most.
const AT_ONCE = 4, REMEMBERED = 600;
class Asker {
  #source; #known = new Map(); #queue = []; #busy = 0;

  constructor(source) { this.#source = source; }

  get live() { return Boolean(this.#source.live); }

  ask(query) {
    const key = JSON.stringify(query);
    if (this.#known.has(key)) return this.#known.get(key);
    const answer = new Promise((done) => this.#queue.push({ query, done }));
    this.#known.set(key, answer);
    answer.then((given) => { if (given.error || query.ask === "edit") this.#known.delete(key); });
    if (this.#known.size > REMEMBERED) this.#known.delete(this.#known.keys().next().value);
    this.#next();
    return answer;
  }

  // A file is given, and not asked again: whoever gives it once more wants it read once more.
  async give(file) {
    try { return (await this.#source.give(file)) ?? fault("No answer came."); } catch (error) { return fault(`No answer came: ${error.message}`); }
  }

  forget(kind) {                                   // what an edit has made untrue
    for (const key of [...this.#known.keys()]) if (JSON.parse(key).of === kind) this.#known.delete(key);
  }

  async #next() {
    if (this.#busy >= AT_ONCE || !this.#queue.length) return;
    const { query, done } = this.#queue.pop();
    this.#busy++;
    try { done((await this.#source.ask(query)) ?? fault("No answer came.")); } catch (error) { done(fault(`No answer came: ${error.message}`)); }
    this.#busy--;
    this.#next();
  }
}
