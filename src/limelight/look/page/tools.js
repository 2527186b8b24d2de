// Small tools that every page of ours shares: making nodes, showing any text, the colours of weights, light and dark, copies.
//
// No library, no network, no markup from strings: every word goes through textContent, so that hostile text is only ever text.

const RAMPS = {                                  // from no weight to all of it: ink on paper, light on a dark stage
  light: ["#faf9f4", "#e8eec7", "#bcd672", "#4d9a5c", "#0c4a3e"],
  dark: ["#14181a", "#24352d", "#43703f", "#a0cb4c", "#f2fca4"],
};

const maker = (create) => (tag, given = {}, ...children) => {
  const node = create(tag);
  for (const [name, value] of Object.entries(given)) {
    if (name === "on") for (const [event, act] of Object.entries(value)) node.addEventListener(event, act);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
};
const html = maker((tag) => document.createElement(tag));
const svg = maker((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
const number = (weight) => weight.toFixed(2);
const span = (count) => Array.from({ length: count }, (_, i) => i);
const clamp = (x, low, high) => Math.max(low, Math.min(high, x));
const segments = globalThis.Intl?.Segmenter ? new Intl.Segmenter(undefined, { granularity: "grapheme" }) : null;

function visible(text) {                         // controls as a keyboard writes them, nothing that turns the line round
  const shown = text.replace(/(\p{M}{3})\p{M}+/gu, "$1").replace(/[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]/g, "")
    .replace(/[\u0000-\u001f\u007f]/g, (c) => "^" + String.fromCharCode(c.charCodeAt(0) ^ 0x40))
   .replace(/[\u0080-\u009f\u2028\u2029]/g, "\ufffd");
  return shown.trim() ? shown : "␣";
}

function shorten(text, most) {                   // counted as a reader counts; a tower of accents is cut too
  const shown = visible(text.slice(0, most * 20));
  const letters = segments ? [...segments.segment(shown)].map((s) => s.segment.slice(0, 16)) : [...shown];
  return letters.length > most ? letters.slice(0, most - 1).join("") + "…" : letters.join("");
}

const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
function shade(weight, dark) {
  const ramp = dark ? RAMPS.dark : RAMPS.light;
  const at = clamp(weight, 0, 1) * (ramp.length - 1), step = Math.min(Math.floor(at), ramp.length - 2);
  const [from, to] = [channels(ramp[step]), channels(ramp[step + 1])];
  return from.map((low, k) => Math.round(low + (to[k] - low) * (at - step)));
}
const rgb = (triple) => `rgb(${triple.join(" ")})`;
const bright = ([r, g, b]) => (0.299 * r + 0.587 * g + 0.114 * b) > 140;

const pen = document.createElement("canvas").getContext("2d");
function wide(text, font) {
  pen.font = font;
  return pen.measureText(text).width;
}

function fitted(text, most, room, font) {          // as many letters as the room takes
  for (let letters = most; letters > 2; letters--) {
    const label = shorten(text, letters);
    if (wide(label, font) <= room) return label;
  }
  return shorten(text, 2);
}

function button(text, label, act) {
  return html("button", { type: "button", title: label, "aria-label": label, on: { click: act } }, text);
}

function choices(name, label, options, chosen, act) {      // one of few, as radio buttons side by side
  return html("fieldset", { class: "choice" }, html("legend", { class: "unseen" }, label), ...options.map(([value, text]) => {
    const input = html("input", { type: "radio", name, value, on: { change: () => act(value) } });
    input.checked = value === chosen;
    return html("label", {}, input, html("span", {}, text));
  }));
}

// --- light and dark --------------------------------------------------------------------------------------------------------
const SCHEME = matchMedia("(prefers-color-scheme: dark)");
const fontOf = (element, name) => getComputedStyle(element).getPropertyValue(name).trim();

function isDark(element) {
  const scheme = getComputedStyle(element).colorScheme;
  return scheme.includes("dark") && (!scheme.includes("light") || SCHEME.matches);
}

function turnScheme(element) {                     // all pictures of the document, by one switch
  document.documentElement.style.colorScheme = isDark(element) ? "light" : "dark";
  document.dispatchEvent(new Event("limelight-scheme"));
}

// A notebook reads this module once for every output.
const define = (name, element) => customElements.get(name) || customElements.define(name, element);

// --- export ----------------------------------------------------------------------------------------------------------------------
// A copy that stands alone: styles become attributes, and the title, the heads and the number to trust it by go along.
const KEPT = ["fill", "paint-order", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "opacity", "font-family", "font-size", "font-weight", "letter-spacing"];
function exported(live, said, style) {
  const copy = live.cloneNode(true), originals = live.querySelectorAll("*");
  for (const [k, node] of copy.querySelectorAll("*").entries()) {
    const look = getComputedStyle(originals[k]);
    for (const name of KEPT) node.setAttribute(name, look.getPropertyValue(name));
    for (const name of ["class", "style", "role", "tabindex", "aria-label"]) node.removeAttribute(name);
  }
  for (const name of ["class", "role", "tabindex", "aria-label", "aria-roledescription"]) copy.removeAttribute(name);
  const width = Number(live.getAttribute("width")), height = Number(live.getAttribute("height")), margin = 24;
  const family = style.getPropertyValue("--sans").trim();
  const lines = said.flatMap(([text, size, tone]) => wrapped(shorten(text, 400), width, `${size}px ${family}`).map((part) => [part, size, tone]));
  const colour = (tone) => (tone === "ink" ? style.color : style.outlineColor);      // the host keeps its soft colour there
  let y = height + margin * 2 + 6;
  const texts = lines.map(([part, size, tone]) => svg("text", { x: margin, y: (y += size + 7), "font-size": size, "font-family": family, fill: colour(tone) }, part));
  const whole = [width + 2 * margin, y + margin];
  const inner = svg("g", { transform: `translate(${margin} ${margin})` }, ...copy.childNodes);
  return svg("svg", { width: whole[0], height: whole[1], viewBox: `0 0 ${whole.join(" ")}` },
    svg("rect", { width: "100%", height: "100%", fill: style.backgroundColor }), inner, ...texts);
}

function wrapped(text, width, font) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = lines.at(-1) ? `${lines.at(-1)} ${word}` : word;
    if (lines.at(-1) && wide(longer, font) > width) lines.push(word); else lines[lines.length - 1] = longer;
  }
  return lines;
}

async function rastered(text, whole) {
  const image = new Image(), scale = 2;
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = html("canvas", { width: Number(whole.getAttribute("width")) * scale, height: Number(whole.getAttribute("height")) * scale });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => { canvas.toBlob(done, "image/png"); });
}

// To the clipboard where that is allowed, else as a file: a sandboxed frame and an old browser have no clipboard.
async function handOver(whole, kind, name, note) {
  const text = new XMLSerializer().serializeToString(whole);
  const blob = kind === "svg" ? new Blob([text], { type: "image/svg+xml" }) : await rastered(text, whole);
  try {
    if (kind === "svg") await navigator.clipboard.writeText(text);
    else await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
    note.textContent = "Copied";
  } catch {
    const link = html("a", { href: URL.createObjectURL(blob), download: `${name}.${kind}` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    note.textContent = "Saved";
  }
  setTimeout(() => { note.textContent = ""; }, 2500);
}

// --- how it looks ----------------------------------------------------------------------------------------------------------------
const HOUSE = new CSSStyleSheet();
HOUSE.replaceSync(`
:host {
  --serif: "Iowan Old Style", Palatino, "Palatino Linotype", "Book Antiqua", P052, Charter, Georgia, "DejaVu Serif", serif;
  --sans: Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  --paper: light-dark(#faf9f4, #14181a); --raised: light-dark(#f1f0e8, #1c2225); --ink: light-dark(#20251f, #edf0e4);
  --soft: light-dark(#62685c, #a2aa9c); --edge: light-dark(#dcdbcf, #2e3639); --glow: light-dark(#0c4a3e, #eaf894);
  display: block; outline-color: var(--soft); color: var(--ink); background: var(--paper); font: 14px/1.5 var(--sans); -webkit-text-size-adjust: 100%;
}
.controls, .tools { display: flex; flex-wrap: wrap; gap: 8px 10px; align-items: center; }
.choice { display: inline-flex; flex-wrap: wrap; max-width: 100%; min-width: 0; margin: 0; padding: 3px; border: 0; border-radius: 10px; background: var(--raised); }
.choice label { cursor: pointer; }
.choice input { position: absolute; opacity: 0; pointer-events: none; }
.choice span { display: block; white-space: nowrap; padding: 4px 13px; border-radius: 7px; color: var(--soft); }
.choice input:checked + span { background: var(--paper); color: var(--ink); box-shadow: 0 1px 2px light-dark(#20251f26, #0008); }
.choice input:focus-visible + span, button:focus-visible, select:focus-visible, .matrix:focus-visible { outline: 2px solid var(--glow); outline-offset: 2px; }
button, select { font: inherit; color: var(--soft); background: none; border: 1px solid var(--edge); border-radius: 8px; padding: 4px 10px; cursor: pointer; min-height: 32px; }
select { color: var(--ink); background: var(--paper); max-width: 200px; }
button:hover { color: var(--ink); border-color: var(--soft); }
.tools { gap: 6px; position: relative; }
.note { position: absolute; right: 0; top: 100%; font-size: 12px; color: var(--soft); }
svg { display: block; user-select: none; }
.broken { padding: 16px; border: 1px solid var(--edge); border-radius: 12px; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (prefers-reduced-motion: reduce) { * { transition: none !important; } }
`);
