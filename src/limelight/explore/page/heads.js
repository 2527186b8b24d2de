// The grid of heads: a thumbnail of every head, with what it does and how widely it looks. Only rows in sight are asked for.

const KIND_ORDER = ["encoder self", "decoder self", "decoder cross"];

function headsView(home) {
  const node = html("div", { class: "heads", role: "group", "aria-label": "All heads. Arrow keys move from head to head, Enter opens one." });
  const drawn = new Map(), kinds = new Map();
  const seen = new IntersectionObserver((entries) => entries.filter((entry) =>
    entry.isIntersecting).forEach(({ target }) => { seen.unobserve(target); open(target); }), { rootMargin: "200px" });
  for (const one of home.scene.attentions) {
    const kind = `${one.side} ${one.kind}`;
    if (!kinds.has(kind)) kinds.set(kind, [one]); else kinds.get(kind).push(one);
  }
  const open = (box) => fill(home, box.querySelector(".layer-heads"), { ask: "grid", name: box.dataset.name }, (answer) => {
    drawn.set(box.dataset.name, answer);
    if (answer.every > 1) box.querySelector(".layer-name").append(html("small", {}, everySaid(answer)));
    return headCards(home, box.dataset.name, answer);
  });
  const section = ([, list]) => html("section", { class: "kind" }, html("h3", {}, kindOf(list[0]),
    html("span", { class: "count" }, `${list.length} layers of ${list[0].heads} heads`)), layersOf(list.map(layer), list[0].heads));
  const layer = (one) => {
    const box = html("div", { class: "layer", "data-name": one.name },
      html("p", { class: "layer-name" }, html("b", {}, `layer ${one.layer}`), html("small", {}, one.name), one.note
      ? html("small", {}, visible(one.note)) : null),
      html("div", { class: "layer-heads", role: "group", "aria-label": one.name },
        ...span(one.heads).map(() => html("span", { class: "head ghost" }, html("span", { class: "thumb" })))));
    seen.observe(box);
    return box;
  };
  const order = (kind) => { const at = KIND_ORDER.indexOf(kind); return at < 0 ? KIND_ORDER.length : at; };
  node.append(...[...kinds].sort(([a], [b]) => order(a) - order(b)).map(section));
  const lead = "Queries go down, keys across. Under each head what it does more than chance would, and its entropy: "
    + "0 nats looks at one token, more looks wider. Open one.";
  const picture = plate(home, { name: "Heads", trust: lookTrust(home), copy: () => gridPicture(home, drawn), lead }, node);
  roving(node, ".head[data-at]");
  const show = () => {
    for (const [name, answer] of drawn) {
      const box = node.querySelector(`.layer[data-name="${CSS.escape(name)}"] .layer-heads`);
      home.keep(box, () => box.replaceChildren(...headCards(home, name, answer)));
    }
  };
  return { node: picture, show };
}

// Layers of few heads stand side by side.
function layersOf(layers, heads) {
  const box = html("div", { class: "kind-layers" }, ...layers);
  box.style.setProperty("--need", `${124 + heads * 96}px`);
  return box;
}

function headCards(home, name, answer) {
  return answer.heads.map((head, h) => {
    const here = home.state.name === name && home.state.head === h, said = head.label ? `${head.label.name} ${percent(head.label.share)}` : "";
    const told = `${name}, head ${h}: ${head.label
      ? `${head.label.name}, ${percent(head.label.share)} of its weight where chance gives ${percent(head.label.chance)}` : "no habit found"};
      entropy ${told4(head.entropy)} nats of ${told4(head.even)}; ${percent(head.first)} on the first token`;
    return html("button", { type: "button", class: `head${here ? " here" : ""}`, tabindex: here
      || (!home.scene.attentions.some((one) => one.name === home.state.name && one.name === name) && h === 0) ? 0 : -1,
      "data-at": `head-${name}-${h}`, title: told, "aria-label": told,
      on: { click: () => home.set({ name, head: h, view: "lines", key: null }) } },
      thumb(head, home.dark), html("span", { class: "nth" }, html("small", {}, `head ${h}`), said ? html("em", {}, head.label.name) : null,
        html("small", {}, `${told4(head.entropy)} nats`)));
  });
}

const bitsOf = (tile) => tile.bytes ?? (tile.bytes = bytesOf(tile.thumb ?? tile.data));

// Bytes as a canvas; the square root lets the small weights of long texts be seen at all.
function painted({ bytes, width, height, dark, most = 1 }) {
  const canvas = html("canvas", { width, height }), paper = canvas.getContext("2d"), image = paper.createImageData(width, height),
    ramp = rampOf(dark);
  for (let k = 0; k < bytes.length; k++) {
    const colour = ramp[Math.min(255, Math.round(255 * Math.sqrt((bytes[k] / 255) * most)))];
    image.data.set(colour, 4 * k);
  }
  paper.putImageData(image, 0, 0);
  return canvas;
}
const rampsKept = {};
const rampOf = (dark) => (rampsKept[dark] ??= span(256).map((k) => [...shade(k / 255, dark), 255]));

function thumb(head, dark) {
  const bytes = bitsOf(head), height = head.height ?? head.size, width = head.width ?? Math.round(bytes.length / height);
  const canvas = painted({ bytes, width, height, dark });
  canvas.className = "thumb";
  canvas.setAttribute("aria-hidden", "true");
  return canvas;
}

function enlarged(canvas, size) {                   // a copy has no style to keep its pixels square
  const large = html("canvas", { width: size, height: size }), paper = large.getContext("2d");
  paper.imageSmoothingEnabled = false;
  paper.drawImage(canvas, 0, 0, size, size);
  return large.toDataURL();
}

function gridPicture(home, drawn) {
  const cell = 76, rows = home.scene.attentions.filter(({ name }) => drawn.has(name)), most = Math.max(...rows.map((one) => one.heads)),
    ui = fontOf(home.element, "--sans");
  const height = rows.length * (cell + 26), width = 150 + most * cell, image = { width: cell - 8, height: cell - 8, preserveAspectRatio: "none" };
  return svg("svg", { width, height, viewBox: `0 0 ${width} ${height}` }, ...rows.flatMap((one, r) => [
    svg("text", { class: "label", x: 0, y: r * (cell + 26) + 38, "font-size": 13, "font-family": ui }, one.name),
    ...drawn.get(one.name).heads.flatMap((head, h) => [
      svg("image", { ...image, x: 150 + h * cell, y: r * (cell + 26), href: enlarged(thumb(head, home.dark), 2 * cell) }),
      svg("text", { class: "label", x: 150 + h * cell, y: r * (cell + 26) + cell + 5, "font-size": 10, "font-family": ui },
        fitted(`${h} ${head.label?.name ?? ""}`, 30, cell - 8, `10px ${ui}`))])]));
}
