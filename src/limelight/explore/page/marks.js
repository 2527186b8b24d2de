// Parts that the views are made of: a plate with its trust, what is filled when an answer comes, chips one can walk, bars.

const problem = ({ error, hint }) => html("p", { class: "problem" }, html("b", {}, visible(error)), hint ? html("span", {}, visible(hint)) : null);
const trusted = (said) => html("p", { class: "trust" }, html("b", {}, "How far to trust it"),
  html("span", {}, visible(said || "Nothing was measured for this picture.")));
const hinted = (...said) => html("p", { class: "hint" }, ...said);
const wordOfText = (text, most = 40) => html("bdi", { class: "word" }, shorten(text, most));

const lookTrust = ({ scene }) => scene.trust?.attention ?? scene.trust?.weights;

// A picture with its name, its trust and its copies. `copy` makes the picture that is taken along: a node with width and height.
function plate(home, { name, lead, trust, copy, level = 3 }, ...body) {
  const note = html("span", { class: "note", role: "status" });
  const take = (kind) => async () => {
    const node = copy();
    if (!node) return;
    const said = section.querySelector(":scope > .lead")?.textContent ?? "";
    await carried(home, node, { name, said, trust, kind, note });
  };
  const tools = copy ? html("span", { class: "tools" }, button("PNG", `Copy as PNG: ${name}`, take("png")),
    button("SVG", `Copy as SVG: ${name}`, take("svg")), note) : null;
  const section = html("section", { class: "plate", "aria-label": name }, html("header", {}, html(`h${level}`, {}, name), tools),
    lead ? html("p", { class: "lead" }, lead) : null, ...body.filter(Boolean), trust ? trusted(trust) : null);
  return section;
}

// A copy says below the picture what it shows, of what, and how far to trust it.
async function carried(home, node, { name, said, trust, kind, note }) {
  const { model, title } = home.scene, away = node.isConnected ? null : html("div", { class: "unseen" }, node);
  if (away) home.root.append(away);
  const lines = [[`${name} · ${shorten(title || "", 120)}`, 15, "ink"], trust ? [trust, 13, "ink"] : null,
    [[said, model].filter(Boolean).join(" · "), 12, "soft"]].filter(Boolean);
  const whole = exported(node, lines, getComputedStyle(home.element));
  away?.remove();
  await handOver(whole, kind, name.toLowerCase().replace(/[^a-z0-9]+/g, "-"), note);
}

// The newest question wins; what was drawn stays, a little paler, until the answer comes.
async function fill(home, node, queries, draw) {
  const ticket = node.ticket = {}, list = [queries].flat();
  node.classList.add("waiting");
  const answers = await Promise.all(list.map((query) => home.ask(query)));
  if (node.ticket !== ticket) return;
  node.classList.remove("waiting");
  const bad = answers.find((answer) => answer.error);
  home.keep(node, () => node.replaceChildren(...[bad ? problem(bad) : draw(...answers)].flat().filter(Boolean)));
}

// Arrow keys between the nodes of one box: along the reading, and up and down to what stands nearest.
function roving(box, selector, arrive = () => {}) {
  box.addEventListener("keydown", (event) => {
    const all = [...box.querySelectorAll(selector)], at = all.indexOf(event.target.closest(selector));
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const to = { ArrowLeft: () => at - 1, ArrowRight: () => at + 1, Home: () => 0, End: () => all.length - 1,
      ArrowUp: () => nearest(all, at, -1), ArrowDown: () => nearest(all, at, 1) }[event.key]?.();
    if (to == null) return;
    event.preventDefault();
    const node = all[clamp(to, 0, all.length - 1)];
    for (const one of all) one.setAttribute("tabindex", one === node ? "0" : "-1");
    node.focus();
    arrive(node);
  });
  return box;
}

function nearest(all, at, way) {
  const boxes = all.map((node) => node.getBoundingClientRect()), here = boxes[at];
  const middle = (box) => box.left + box.width / 2, apart = (box) => Math.abs(middle(box) - middle(here));
  const beyond = span(all.length).filter((k) => (boxes[k].top - here.top) * way > here.height / 2);
  if (!beyond.length) return null;
  const next = way * Math.min(...beyond.map((k) => boxes[k].top * way)), row = beyond.filter((k) => Math.abs(boxes[k].top - next) < here.height / 2);
  return row.sort((a, b) => apart(boxes[a]) - apart(boxes[b]))[0];
}

// Chips in a row, one of them chosen; of a long list the ones round the chosen. Selection follows the keys.
const ROUND = 24;
function strip(home, { label, items, chosen, choose, name }) {
  const from = items.length > 2.5 * ROUND ? clamp(chosen - ROUND, 0, items.length - 2 * ROUND) : 0;
  const shown = items.slice(from, items.length > 2.5 * ROUND ? from + 2 * ROUND : undefined);
  const more = (count, to, sign) => (count > 0 ? html("button", { type: "button", class: "more", "aria-label": `${count} more`,
    on: { click: () => choose(to) } }, `${sign} ${grouped(count)}`) : null);
  const chip = (item, k) => {
    const at = from + k;
    return html("button", { type: "button", class: `chipped${item.mark ? " mark" : ""}${item.class ?? ""}`, role: "radio",
      "aria-checked": String(at === chosen), tabindex: at === chosen ? 0 : -1,
      "data-at": `${name}-${at}`, title: shorten(item.title ?? item.label, 200), on: { click: () => choose(at) } }, wordOfText(item.label, 28),
        item.under ? html("small", {}, item.under) : null);
  };
  const box = html("div", { class: "strip", role: "radiogroup", "aria-label": label },
    more(from, Math.max(0, from - 1), "‹"), ...shown.map(chip), more(items.length - from - shown.length,
      Math.min(items.length - 1, from + shown.length), "›"));
  return roving(box, "[role=radio]", (node) => node.click());
}

// A select of names, in groups where they come in groups: [[group, [[value, text] ...]] ...].
function picker(label, groups, chosen, act, name) {
  const option = ([value, text]) => { const node = html("option", { value }, text); node.selected = String(value) === String(chosen); return node; };
  const inner = groups.length > 1 ? groups.map(([group, list]) => html("optgroup", { label: group }, ...list.map(option)))
    : groups.flatMap(([, list]) => list.map(option));
  return html("select", { "aria-label": label, "data-at": name, on: { change: (event) => act(event.target.value) } }, ...inner);
}

const attentionGroups = (scene, fits = () => true) => {
  const groups = new Map();
  for (const one of scene.attentions.filter(fits)) groups.set(kindOf(one), [...(groups.get(kindOf(one)) ?? []), [one.name, `${one.name}`]]);
  return [...groups];
};

// Rows of a word, a bar and a number; bars of two signs stand on both sides of a line. `series`: [{value, class, said}] a row.
const BARS = { step: 30, size: 17, room: 0.26 };
function bars(home, rows, { most, signed = false, width = home.width, aria = "Bars" }) {
  const family = fontOf(home.element, "--serif"), ui = fontOf(home.element, "--sans"), font = `${BARS.size}px ${family}`,
    lines = Math.max(...rows.map((row) => row.series.length));
  const room = Math.min(Math.max(...rows.map((row) => wide(shorten(row.label, 24), font)), 40), width * BARS.room) + 16, far = 62,
    step = BARS.step + (lines - 1) * 9;
  const low = lowest(rows), left = low < 0 ? 56 : 0, space = width - room - far - left,
    zero = room + left + (low < 0 ? (space * -low) / (highest(rows) - low) : 0);
  const unit = signed ? space / (highest(rows) - low || 1) : space / (most || 1), height = rows.length * step + 6;
  const draw = (row, k) => {
    const y = k * step + 4, middle = y + (step - 6) / 2;
    const tall = row.series.length > 1 ? 9 : 14, top = middle - (tall * row.series.length + 3 * (row.series.length - 1)) / 2;
    return svg("g", { class: `bar${row.chosen ? " won" : ""}` }, svg("title", {}, row.title ?? shorten(row.label, 200)),
      svg("text", { class: "label", x: room - 14, y: middle + 5, "text-anchor": "end", "font-size": BARS.size, "font-family": family },
        fitted(row.label, 24, room - 14, font)),
      ...row.series.flatMap((one, s) => {
        const long = Math.abs(one.value) * unit, from = one.value < 0 ? zero - long : zero, y1 = top + s * (tall + 3);
        return [svg("rect", { class: one.class, x: from, y: y1, width: Math.max(long, 0.75), height: tall, rx: Math.min(3, tall / 3) }),
          svg("text", { class: "value", x: one.value < 0 ? from - 7 : from + long + 7, y: y1 + tall / 2 + 4, "font-size": row.series.length > 1
            ? 11 : 12.5, "text-anchor": one.value < 0 ? "end" : "start", "font-family": ui }, one.said)];
      }));
  };
  return svg("svg", { class: "bars", width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": aria }, signed
    ? svg("path", { class: "zero", d: `M${zero} 0V${height}` }) : null, ...rows.map(draw));
}
const highest = (rows) => Math.max(0, ...rows.flatMap((row) => row.series.map((one) => one.value)));
const lowest = (rows) => Math.min(0, ...rows.flatMap((row) => row.series.map((one) => one.value)));

// Eight numbers of a long vector as shaded cells: green above nothing, clay below.
function vector(home, given, most = null) {
  const { numbers, norm } = given ?? {};
  if (!numbers) return null;
  const top = most ?? Math.max(...numbers.map(Math.abs), 1e-9);
  const cell = (x) => {
    const node = html("i", { title: told4(x) });
    node.style.background = signedColour(x / top, home.dark);
    return node;
  };
  return html("span", { class: "vector", role: "img",
    "aria-label": `${numbers.map((x) => told4(x)).join(", ")} and more${norm == null ? "" : `; length ${told4(norm)}`}` },
    html("span", { class: "cells" }, ...numbers.map(cell)), norm == null ? null : html("small", {}, `length ${told4(norm)}`));
}
const CLAY = { light: [178, 83, 42], dark: [236, 158, 110] };
function signedColour(share, dark) {
  if (share >= 0) return rgb(shade(share * 0.8, dark));
  const [paper] = [shade(0, dark)], clay = dark ? CLAY.dark : CLAY.light;
  return rgb(paper.map((low, k) => Math.round(low + (clay[k] - low) * Math.min(1, -share) * 0.8)));
}

// A table for those who listen, where the picture is only drawn.
const unseenTable = (caption, head, rows) => html("div", { class: "unseen" }, html("table", {}, html("caption", {}, caption),
  html("thead", {}, html("tr", {}, ...head.map((text) => html("th", { scope: "col" }, text)))),
  html("tbody", {}, ...rows.map(([first, ...rest]) => html("tr", {}, html("th", { scope: "row" }, first),
    ...rest.map((text) => html("td", {}, String(text))))))));
