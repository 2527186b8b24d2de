// Lines of long texts: two upright lines of places, the strongest links between them, and names only for what is chosen.

const LINKS = { height: 640, most: 600, floor: 0.04, names: 9 };

function linksView(home) {
  const stage = html("div", { class: "stage" }), readout = html("div", { class: "readout", "aria-live": "polite" }),
    lead = html("p", { class: "lead" });
  const node = plate(home, { name: "Lines", trust: lookTrust(home), copy: () => stage.querySelector("svg") }, lead, stage, readout);
  const show = () => {
    const head = headOf(home);
    fill(home, stage, { ask: "lines", ...head.base, floor: LINKS.floor, most: LINKS.most }, (answer) => {
      const links = home.state.sink || !head.own ? answer.links : answer.links.filter(([, key]) => key !== 0);
      lead.textContent = `${kindOf(head.one)}, ${head.one.name}, ${headName(head.base.head)}. `
        + `The ${grouped(links.length)} strongest links of ${grouped(head.queries.length)} queries hold ${percent(answer.kept)} of the weight`
        + `${links.length < answer.links.length ? "; those to the first key are set aside" : ""}.${everySaid(answer)} `
        + "Choose a query with the pointer or the arrow keys.";
      return linked(home, head, links, readout);
    });
  };
  return { node, show };
}

function linked(home, head, links, readout) {
  const { queries, keys } = head, width = home.innerWidth, side = Math.min(190, width * 0.33), left = side, right = width - side, top = 22,
    tall = LINKS.height - 44;
  const y = (at, list) => top + ((at + 0.5) / list.length) * tall, family = fontOf(home.element, "--serif"), ui = fontOf(home.element, "--sans"),
    room = side - 16;
  const curve = (i, j) => {
    const [y1, y2] = [y(i, queries), y(j, keys)], bend = (right - left) * 0.45;
    return `M${left} ${y1}C${left + bend} ${y1} ${right - bend} ${y2} ${right} ${y2}`;
  };
  const path = ([i, j, weight], klass, thick) => svg("path", { class: klass, d: curve(i, j), stroke: rgb(shade(0.25 + 0.75 * weight, home.dark)),
    "stroke-width": (0.4 + thick * weight).toFixed(2), fill: "none" });
  const rest = svg("g", { class: "rest" }, ...[...links].reverse().map((link) => path(link, "link-line", 0.8))), focus = svg("g", {});
  const axis = (x) => svg("path", { class: "axis", d: `M${x} ${top}V${top + tall}` });
  const sign = (x, anchor, text) =>
    svg("text", { class: "side", x, y: 12, "text-anchor": anchor, "font-size": 12, "font-family": ui }, text);
  const node = svg("svg", { class: "links", width, height: LINKS.height, viewBox: `0 0 ${width} ${LINKS.height}`, tabindex: 0, role: "slider",
    "aria-label": "Query", "aria-valuemin": 0, "aria-valuemax": queries.length - 1, "data-at": "links" },
    rest, axis(left), axis(right), sign(left, "end", `queries ${grouped(queries.length)}`), sign(right, "start", `keys ${grouped(keys.length)}`), focus);
  let at = clamp(home.state.query, 0, queries.length - 1), turn = 0;
  const name = (text, x, where, anchor, size, klass) => svg("text",
    { class: klass, x, y: where, "text-anchor": anchor, "font-size": size, "font-family": family }, text);
  const choose = async (query) => {
    at = clamp(query, 0, queries.length - 1);
    const mine = ++turn, answer = await home.ask({ ask: "row", ...head.base, query: at, top: 64 });
    if (mine !== turn) return;
    if (answer.error) return readout.replaceChildren(problem(answer));
    const list = answer.keys.map((key, k) => [at, key, answer.weights[k]]).filter(([, key]) => home.state.sink || !head.own || key !== 0);
    const best = list.filter(([, , weight]) => weight >= 0.005).slice(0, LINKS.names);
    const named = spread(best.map(([, key, weight]) => ({ key, weight, y: y(key, keys) })), top, top + tall);
    focus.replaceChildren(...[...list].reverse().map((link) => path(link, "lit-line", 4)),
      svg("circle", { class: "dot", cx: left, cy: y(at, queries), r: 5 }),
      name(fitted(queries[at].label, 20, room, `17px ${family}`), left - 12, y(at, queries) + 5, "end", 17, "label"),
      ...named.map(({ key, weight, y: where }) => name(
        `${fitted(keys[key].label, 20, room - 34, `15px ${family}`)}  ${number(weight)}`, right + 12, where + 5, "start", 15, "label")));
    node.setAttribute("aria-valuenow", at);
    const most = list.slice(0, 3).map(([, key, weight]) => `${shorten(keys[key].label, 40)} ${number(weight)}`).join(", ");
    node.setAttribute("aria-valuetext", `${shorten(queries[at].label, 40)}, looks most at ${most}`);
    readout.replaceChildren(rowSaid(home, head, answer));
  };
  const under = (event) => Math.floor(((event.clientY - node.getBoundingClientRect().top - top) / tall) * queries.length);
  node.addEventListener("pointermove", (event) => event.pointerType !== "touch" && choose(under(event)));
  node.addEventListener("click", (event) => { choose(under(event)); home.set({ query: at }, { quiet: true }); });
  node.addEventListener("pointerleave", () => choose(home.state.query));
  node.addEventListener("keydown", (event) => {
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, ArrowRight: at + 1, ArrowLeft: at - 1, PageDown: at + 50, PageUp: at - 50, Home: 0,
      End: queries.length - 1 }[event.key];
    if (to == null) return;
    event.preventDefault();
    choose(to);
    home.set({ query: at }, { quiet: true });
  });
  choose(at);
  return node;
}

// Names that would stand on one another are moved apart, and as little as will do.
function spread(list, low, high, step = 19) {
  list.sort((a, b) => a.y - b.y);
  for (const [k, one] of list.entries()) one.y = Math.max(one.y, k ? list[k - 1].y + step : low);
  for (let k = list.length - 1; k >= 0; k--) list[k].y = Math.min(list[k].y, k < list.length - 1 ? list[k + 1].y - step : high);
  return list;
}

function rowSaid(home, { queries, keys }, answer, way = "row") {
  const swatch = (weight) => { const node = html("i", {}); node.style.background = rgb(shade(weight, home.dark)); return node; };
  const others = way === "row" ? keys : queries, list = (way === "row" ? answer.keys : answer.queries).slice(0, 6);
  const subject = way === "row" ? queries[answer.query] : keys[answer.key];
  const entropy = answer.entropy == null ? null : html("span", { class: "chip rest" }, "entropy ", html("b", {}, `${told4(answer.entropy)} nats`));
  const rest = way === "row" && answer.rest >= 0.005 ? html("span", { class: "chip rest" }, "all others ", html("b", {}, number(answer.rest))) : null;
  const chip = (at, k) => html("span", { class: "chip" }, swatch(answer.weights[k]), html("bdi", {}, shorten(others[at].label, 40)),
    html("b", {}, number(answer.weights[k])));
  return html("p", {}, html("bdi", { class: "subject" }, shorten(subject.label, 60)),
    html("span", { class: "verb" }, way === "row" ? "looks at" : "is looked at by"), ...list.map(chip), rest, entropy);
}
