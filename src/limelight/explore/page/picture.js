// A picture with the words or the boxes that belong to it: one that is pointed at lights the squares that it looked at; a square that is
// pointed at says whose words stand behind it.

const FAINT = 0.82, TALLEST = 520, WIDEST = 680, NAMED = 3;
const HUES = ["#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#008080", "#9a6324", "#800000", "#808000", "#000075"];

function pictureView(home, shown) {
  const node = html("div", { class: "pictured" }), all = shown.boxes ?? shown.words, labels = [...new Set(all.map((one) => one.text))].sort();
  const hue = (one) => HUES[labels.indexOf(one.text) % HUES.length];
  let chosen = null, least = shown.likely ?? 0, stage = null;
  const items = () => (shown.boxes ? all.filter((one) => one.score >= least) : all);
  const readout = html("div", { class: "readout", "aria-live": "polite" }), list = html("div", {}), frame = html("div", { class: "framed" });
  const light = (one) => { stage?.light(one); readout.replaceChildren(one ? saidOf(shown, one) : hinted(restOf(shown, all))); };
  const choose = (one) => { chosen = one; draw(); };
  const act = { point: (one) => light(one ?? chosen), choose, behind: (cell) => readout.replaceChildren(cell == null ? hinted(restOf(shown, all))
    : behind(shown, cell)) };
  const draw = () => {
    const some = items();
    if (chosen && !some.includes(chosen)) chosen = null;
    stage = pictureStage(home, shown, some, hue, act);
    frame.replaceChildren(stage.node);
    home.keep(list, () => list.replaceChildren(...chips(home, shown, some, chosen, act)));
    light(chosen);
  };
  const slider = shown.boxes ? sliderOf(shown, (value) => { least = value; draw(); }) : null;
  node.append(plate(home, { name: { caption: "Caption", detect: "Objects", draw: "Drawing" }[shown.task], trust: trustSaid(shown), lead: leadOf(shown),
    copy: () => stage.node }, shown.text ? html("p", { class: "prose", dir: "auto" }, shorten(shown.text, 600)) : null, slider, frame, list, readout,
    tableOf(shown)));
  return { node, show: draw };
}

const trustSaid = ({ trust }) => trust[0].toUpperCase() + trust.slice(1).replace(/ -(?=\d)/g, " −") + (/\.$/.test(trust) ? "" : ".");
const signed = (x) => (Math.abs(x) < 0.005 ? "0.00" : `${x < 0 ? "−" : "+"}${Math.abs(x).toFixed(2)}`);

function leadOf({ name, size, seconds, how, seed, task }) {
  const facts = [name ? shorten(name, 80) : "", `${grouped(size[1])} × ${grouped(size[0])} pixels`, task === "draw" ? `seed ${seed}` : "",
    `${number(seconds)} s`, how ? `attention: ${visible(how)}` : ""];
  return facts.filter(Boolean).join(" · ");
}

// The picture itself with what lies over it; `light` changes what lies over it and makes nothing anew, so that pointing goes on.
function pictureStage(home, shown, some, hue, act) {
  const [rows, columns] = shown.size, scale = Math.min(Math.min(home.innerWidth, WIDEST) / columns, TALLEST / rows);
  const width = columns * scale, height = rows * scale, square = scale > 3 ? "pixelated" : "auto";
  const shadow = svg("image", { class: "shadow", preserveAspectRatio: "none", "image-rendering": "pixelated", "pointer-events": "none" });
  const around = svg("path", { class: "around", fill: "#000", "fill-opacity": FAINT, "fill-rule": "evenodd", "pointer-events": "none" });
  const boxes = shown.boxes ? some.map((one, k) => boxOf(one, k, { width, height, hue, act, home })) : [];
  const node = svg("svg", { class: "shown", width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label":
    shorten(`${shown.name || "A drawing"}: ${shown.text ?? some.map((one) => one.text).join(", ")}`, 300) },
    svg("image", { width, height, href: shown.image, preserveAspectRatio: "none", "image-rendering": square }), shadow, around,
    ...[...boxes.keys()].sort((a, b) => some[b].even - some[a].even).map((k) => boxes[k]));         // small ones lie on large ones
  if (!shown.boxes && some[0]?.map) overSquares(node, shown, some[0].map, act);
  const light = (one) => {
    for (const [k, box] of boxes.entries()) box.setAttribute("opacity", !one || some[k] === one ? 1 : 0.25);
    const over = one?.over ?? shown.over;
    if (!one?.map || !over) { shadow.removeAttribute("href"); around.setAttribute("d", ""); return; }
    const [l, t, r, b] = [over[0] * width, over[1] * height, over[2] * width, over[3] * height];
    for (const [name, value] of [["href", darkness(one.map)], ["x", l], ["y", t], ["width", r - l], ["height", b - t]]) shadow.setAttribute(name, value);
    around.setAttribute("d", `M0 0H${width}V${height}H0ZM${l} ${t}V${b}H${r}V${t}Z`);
  };
  return { node, light };
}

// Dark where nobody looked; the square that was looked at most is all light.
function darkness(map) {
  if (map.dark) return map.dark;
  const { width, height } = map, canvas = html("canvas", { width, height }), paper = canvas.getContext("2d"), image = paper.createImageData(width, height);
  for (const [k, byte] of bitsOf(map).entries()) image.data[4 * k + 3] = Math.round(255 * FAINT * (1 - byte / 255));
  paper.putImageData(image, 0, 0);
  return (map.dark = canvas.toDataURL());
}

function boxOf(one, k, { width, height, hue, act, home }) {
  const [l, t, r, b] = [one.box[0] * width, one.box[1] * height, one.box[2] * width, one.box[3] * height], font = `12px ${fontOf(home.element, "--sans")}`;
  const said = `${shorten(one.text, 24)} ${percent(one.score)}`, room = wide(said, font) + 10, top = t >= 19 ? t - 19 : t, left = clamp(l, 0, Math.max(0, width - room));
  return svg("g", { class: "boxed", "data-box": k, on: { pointerenter: () => act.point(one), pointerleave: () => act.point(null), click: () => act.choose(one) } },
    svg("rect", { x: l, y: t, width: Math.max(1, r - l), height: Math.max(1, b - t), fill: "#fff", "fill-opacity": 0, stroke: hue(one), "stroke-width": 2.5 }),
    svg("rect", { x: left, y: top, width: room, height: 19, fill: hue(one), stroke: "none" }),
    svg("text", { x: left + 5, y: top + 14, "font-size": 12, "font-family": fontOf(home.element, "--sans"), fill: "#fff" }, said));
}

// Which square a pointer is over.
function overSquares(node, shown, { width, height }, act) {
  const [l, t, r, b] = shown.over;
  const at = (event) => {
    const place = node.getBoundingClientRect(), x = ((event.clientX - place.left) / place.width - l) / (r - l), y = ((event.clientY - place.top) / place.height - t) / (b - t);
    return x < 0 || y < 0 || x >= 1 || y >= 1 ? null : Math.floor(y * height) * width + Math.floor(x * width);
  };
  node.addEventListener("pointermove", (event) => act.behind(at(event)));
  node.addEventListener("pointerleave", () => act.point(null));
}

// The whole first, then a chip each; one that is pointed at is lit, one that is chosen stays lit.
function chips(home, shown, some, chosen, act) {
  if (!some.length) return [hinted(shown.boxes ? "Nothing that is as likely as that." : "No words of its own.")];
  const under = (one) => (shown.boxes ? percent(one.score) : shown.task === "caption" ? signed(-one.fall) : null);
  const items = [{ label: "all", mark: true, under: shown.boxes ? grouped(some.length) : "" }, ...some.map((one) => ({ label: one.text, under: under(one) }))];
  const box = strip(home, { label: shown.boxes ? "Objects" : "Words", items, chosen: chosen ? some.indexOf(chosen) + 1 : 0, name: "shown",
    choose: (at) => act.choose(at ? some[at - 1] : null) });
  box.addEventListener("pointerover", (event) => {
    const at = event.target.closest("[data-at]")?.dataset.at.replace("shown-", "");
    act.point(at > 0 ? some[at - 1] : null);
  });
  box.addEventListener("pointerleave", () => act.point(null));
  return [box];
}

function saidOf(shown, one) {
  const fact = (strong, soft) => html("span", {}, html("b", {}, strong), ` ${soft}`);
  const facts = shown.boxes ? [fact(percent(one.score), "likely"), one.inside == null ? null : fact(percent(one.inside), "of what its place looked at is in its box"),
    one.inside == null ? null : fact(percent(one.even), "would be, looking everywhere alike")]
    : shown.task === "caption" ? [fact(signed(-one.fall), "log-probability without the squares it looked at most"),
      fact(signed(-one.chance), "without as many at random"), fact(percent(one.elsewhere), "of its attention is on no square")]
    : [fact(signed(-mean(one.lost)), "log-probability of a patch's code without this word, on average")];
  return html("p", { class: "saidof" }, html("bdi", { class: "subject" }, shorten(one.text, 60)), ...facts.filter(Boolean));
}
const mean = (list) => list.reduce((sum, x) => sum + x, 0) / (list.length || 1);

// The words that looked most at a square, or that stand most behind a patch.
function behind(shown, cell) {
  const drawn = shown.task === "draw", share = (one) => (bitsOf(one.map)[cell] / 255) * one.map.max;
  const best = [...shown.words].sort((a, b) => share(b) - share(a)).slice(0, NAMED), { width } = shown.words[0].map;
  const word = (one) => html("span", {}, html("bdi", { class: "subject" }, shorten(one.text, 40)), " ", html("b", {}, percent(share(one))),
    drawn ? ` (${signed(-one.lost[cell])} without it)` : "");
  return html("p", { class: "saidof" }, html("small", {}, `Row ${Math.floor(cell / width) + 1}, column ${(cell % width) + 1}: ${drawn ? "behind it stand"
    : "looked at most by"}`), ...best.map(word));
}

function restOf(shown, all) {
  if (!all.length) return shown.boxes ? `Nothing is held for even ${percent(shown.least)} likely.` : "There are no words whose look is known.";
  if (shown.boxes) return "Point at a box to light what its place looked at; choose it to keep that.";
  const what = shown.task === "draw" ? "a patch to see the words behind it, or at a word to light its patches" : "a word to light the squares that it looked at";
  return `Point at ${what}.`;
}

function sliderOf(shown, act) {
  const said = html("output", {}, percent(shown.likely));
  const input = html("input", { type: "range", min: shown.least, max: 0.95, step: 0.05, value: shown.likely, "aria-label": "How likely at least", "data-at": "least",
    on: { input: () => { said.textContent = percent(Number(input.value)); act(Number(input.value)); } } });
  return html("label", { class: "slide" }, "At least ", input, said, " likely");
}

function tableOf(shown) {
  if (shown.boxes) return unseenTable("Objects", ["object", "likely", "of its look inside"], shown.boxes.map((one) =>
    [shorten(one.text, 60), percent(one.score), one.inside == null ? "–" : percent(one.inside)]));
  if (shown.task !== "caption") return null;
  return unseenTable("What each word loses", ["word", "without what it looked at", "without as much at random"], shown.words.map((one) =>
    [shorten(one.text, 60), signed(-one.fall), signed(-one.chance)]));
}
