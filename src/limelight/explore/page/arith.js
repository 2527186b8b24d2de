// The arithmetic of one head at one place: q.k, scale, mask, softmax, weighted sum, on real numbers.

function headPart(home, step, answer) {
  const { scene, state } = home, side = writeTrack(scene), fits = (one) => one.queries === side;
  const name = scene.attentions.some((one) => fits(one) && one.name === state.name) ? state.name : scene.attentions.filter(fits).at(-1)?.name;
  if (!name) return null;
  const one = scene.attentions.find((each) => each.name === name), head = Number.isInteger(state.head) && state.head < one.heads ? state.head : 0,
    box = html("div", { class: "sums" });
  const choose = (change) => home.set({ name, head, ...change });
  const pick = html("div", { class: "controls" },
    picker("Which attention", attentionGroups(scene, fits), name, (to) => choose({ name: to, head: 0 }), "arith-name"),
    picker("Head", [["", span(one.heads).map((h) => [h, `head ${h}`])]], head, (to) => choose({ head: Number(to) }), "arith-head"));
  fill(home, box, { ask: "arith", name, head, query: answer.at }, (sums) => arithmetic(home, { ...one, head }, sums));
  return ["One head", `What place ${answer.at} looks at in ${name}, head ${head}.`, pick, box];
}

function arithmetic(home, one, sums) {
  const units = unitsOf(home.scene.tracks[one.keys]), biased = sums.keys.some((key) => key.bias), open = sums.keys.filter((key) => key.allowed);
  const best = open[0], lead = best ? html("p", { class: "formula" }, ...formula(sums, best, units)) : hinted("This place may look at nothing.");
  const heads = ["key", "k", "q · k", sums.scale === 1 ? "score" : `× ${told4(sums.scale)}${biased ? " + bias" : ""}`, `weight by ${sums.weigh}`,
    "v", "brings"];
  const hide = { 1: "wide-only", 5: "wide-only" };
  const table = html("table", { class: "sum" }, html("caption", { class: "unseen" }, `Keys of ${one.name} with the most weight`),
    html("thead", {}, html("tr", {}, ...heads.map((text, k) => html("th", { scope: "col", class: hide[k] }, text)))),
    html("tbody", {}, ...sums.keys.map((key) => keyRow(home, key, units[key.key])), sums.others?.count ? othersRow(sums.others) : null));
  const query = html("div", { class: "fact" }, html("span", {}, `q, ${sums.width ?? ""} wide`), vector(home, sums.query));
  const output = html("div", { class: "fact" }, html("span", {}, "Σ weight · v"), vector(home, sums.output),
    html("small", {}, `differs from what the kernel gave by at most ${sums.check?.toExponential(0) ?? "–"}`));
  const barOf = (key) => ({ label: units[key.key]?.label ?? "", series: [{ value: key.weight, class: "amount", said: key.weight.toFixed(3) }] });
  const picture = () => bars(home, sums.keys.map(barOf), { most: 1, width: Math.min(home.innerWidth, 620) });
  const name = `Weights of ${one.name}, head ${one.head}`;
  const silent = sums.silent ? hinted("This head is switched off.") : null;
  return plate(home, { name, level: 4, copy: picture, trust: home.scene.trust?.weights }, silent, query, html("div", { class: "scroll" }, table), lead, output);
}

function keyRow(home, key, unit) {
  const bar = html("i", {});
  bar.style.width = `${100 * key.weight}%`;
  bar.style.background = rgb(shade(0.25 + 0.75 * key.weight, home.dark));
  return html("tr", { class: key.allowed ? "" : "barred" }, html("th", { scope: "row" }, wordOfText(unit?.label ?? String(key.key), 24),
    html("small", {}, String(key.key))),
    html("td", { class: "wide-only" }, vector(home, { numbers: key.numbers })), html("td", {}, told4(key.dot)),
      html("td", {}, key.allowed ? told4(key.score) : "masked"),
    html("td", { class: "gauge" }, html("span", {}, bar), html("b", {}, key.weight.toFixed(3))),
      html("td", { class: "wide-only" }, vector(home, { numbers: key.value?.numbers })), html("td", {}, told4(key.brings)));
}

const othersRow = ({ count, weight }) => html("tr", { class: "others" }, html("th", { scope: "row" }, `${grouped(count)} others`),
  html("td", { class: "wide-only" }), html("td", {}), html("td", {}),
  html("td", { class: "gauge" }, html("span", {}), html("b", {}, weight.toFixed(3))), html("td", { class: "wide-only" }), html("td", {}));

// The best key, written out once, so that the table's columns need no legend.
function formula(sums, key, units) {
  const label = shorten(units[key.key]?.label ?? String(key.key), 24), bias = key.bias
    ? ` ${key.bias < 0 ? "−" : "+"} ${told4(Math.abs(key.bias))}` : "";
  const score = sums.score === "scaled dot" || sums.score === "dot" ? `${told4(key.dot)} × ${told4(sums.scale)}${bias} = ${told4(key.score)}`
    : `${visible(sums.score)} score ${told4(key.score)}`;
  if (sums.weigh !== "softmax" || sums.logsum == null) return [html("bdi", {}, label),
    `: ${score}; ${visible(sums.weigh)} gives ${key.weight.toFixed(3)}`];
  return [html("bdi", {}, label), `: ${score};  e`, html("sup", {}, told4(key.score)), " ∕ Σ e", html("sup", {}, "score"), " = e",
    html("sup", {}, `${told4(key.score)} − ${told4(sums.logsum)}`.replace("− −", "+ ")), ` = ${key.weight.toFixed(3)}`];
}
