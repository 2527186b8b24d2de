// What is looked at and by what names: the tokens of a track or its words, attentions, heads, numbers.

const sideNames = { encoder: "Encoder", decoder: "Decoder" };
const kindNames = { self: "self-attention", cross: "cross-attention" };
const kindOf = ({ side, kind }) => `${sideNames[side] ?? visible(side)} ${kindNames[kind] ?? visible(kind)}`;
const headName = (head) => (head === "mean" ? "mean of all heads" : `head ${head}`);

// A number as a reader wants it: four digits that count, a true minus, powers of ten only where they must be.
function told4(x) {
  if (x == null || !Number.isFinite(x)) return "–";
  const size = Math.abs(x);
  const text = size === 0 ? "0" : size >= 1e6 || size < 1e-4 ? x.toExponential(1) : size >= 100 ? x.toFixed(0) : size >= 10 ? x.toFixed(1)
    : x.toFixed(size < 0.01 ? 4 : size < 1 ? 3 : 2);
  return text.replace("-", "−");
}
function percent(share) {
  const text = share >= 0.1 || share <= 0 ? Math.round(share * 100) : share >= 0.001 ? (share * 100).toFixed(1) : share >= 1e-5
    ? (share * 100).toFixed(3) : "under 0.001";
  return `${text}%`;
}
const grouped = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, "\u202f");
function sized(count) {
  for (const [unit, size] of [["billion", 1e9], ["million", 1e6], ["thousand", 1e3]])
    if (count >= size) return `${(count / size).toFixed(count >= 100 * size ? 0 : 1)} ${unit}`;
  return String(count);
}

const bare = (piece) => piece.replace(/^[▁Ġ]+/u, "").trim() || piece;
const labelOf = (token) => (token.special ? token.piece : (token.text ?? "").trim() || bare(token.piece));

const unitsKept = new WeakMap();
// Each unit: `label` as a reader sees it, the tokens [first, end) that it stands for, and whether it is a mark that nobody wrote.
function unitsOf(track, words = false) {
  const kept = unitsKept.get(track) ?? unitsKept.set(track, {}).get(track);
  kept[words] ??= words ? groupsOf(track).map((group) => wordOf(track, group)) : track.tokens.map((token, i) => (
    { label: labelOf(token), piece: token.piece, first: i, end: i + 1, mark: Boolean(token.special), apart: isApart(track.tokens, i) }));
  return kept[words];
}

function groupsOf(track) {
  if (track.groups) return track.groups;
  const groups = [];
  for (const [i, { word }] of track.tokens.entries()) {
    const last = groups.at(-1);
    if (last && word != null && track.tokens[last[0]].word === word) last[1] = i + 1; else groups.push([i, i + 1]);
  }
  return groups;
}

function wordOf(track, [first, end]) {
  const tokens = track.tokens.slice(first, end), { word } = tokens[0];
  const piece = tokens.map((token) => token.piece).join("");
  const label = word != null && track.words?.[word] ? lettersOf(track).slice(...track.words[word]).join("") : tokens.map(labelOf).join("");
  return { label: label.trim() || labelOf(tokens[0]), piece, first, end, mark: tokens.every((token) => token.special) };
}

const lettersKept = new WeakMap();                 // places in a text are counted in letters, not in halves of them
function lettersOf(track) {
  if (!lettersKept.has(track)) lettersKept.set(track, [...track.text]);
  return lettersKept.get(track);
}

const unitAt = (units, token) => { const at = units.findIndex(({ first, end }) => first <= token && token < end); return at < 0 ? 0 : at; };

// Whether a token stands apart from the one before it, so that a text of tokens reads as the text.
function isApart(tokens, at) {
  const [before, here] = [tokens[at - 1]?.span, tokens[at].span];
  return before && here ? before[1] < here[0] : startsWord(tokens[at].piece) || Boolean(here);
}
const startsWord = (piece) => /^[▁Ġ\s]/u.test(piece);
const spaced = (unit) => !unit.mark && (unit.apart ?? startsWord(unit.piece));

// Marks that nobody would read as words: the end of a text, as it stands in any of its tracks.
const marksKept = new WeakMap();
function isMark(scene, id) {
  if (!marksKept.has(scene)) marksKept.set(scene, new Set(Object.values(scene.tracks).flatMap((track) =>
    track.tokens.filter((token) => token.special).map((token) => token.id))));
  return marksKept.get(scene).has(id);
}
const answerWritten = (scene) => scene.steps.filter((step) => !isMark(scene, step.id)).map((step) => step.piece).join("").trim();

// Of a very long text only every n-th query is looked at.
const everySaid = ({ every }) => (every > 1 ? ` Only every ${every}th query was looked at.` : "");

// A decoder's query is the token that it reads; what it looks for is the next one.
const readsSaid = ({ steps }, one) => (
  one.side === "decoder" && steps?.length ? " A query here is a token that was read, and what it writes is the next one." : "");
