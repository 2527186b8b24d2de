// Evidence: what each word changed when it was taken away, beside how much the model looked at it, and how far the two agree.

function evidenceView(home) {
  const node = html("div", { class: "view evidence" }), bar = html("div", { class: "bar" }), body = html("div", {});
  const methods = home.scene.live?.evidence ?? [];
  if (!methods.length) {
    node.append(hinted("No evidence was measured for this text."), home.scene.kept?.say ? hinted(visible(home.scene.kept.say)) : "");
    return { node, show() {} };
  }
  node.append(bar, body);
  const show = () => {
    home.keep(bar, () => bar.replaceChildren(choices("method", "Method", methods.map((method) => [method, visible(method).replaceAll("-", " ")]),
      home.state.method, (method) => home.set({ method }))));
    fill(home, body, { ask: "evidence", method: home.state.method }, (answer) => [effects(home, answer), curvePlate(home, answer)].filter(Boolean));
  };
  return { node, show };
}

const MOST_BARS = 48;
function effects(home, answer) {
  const all = answer.words.map((word, at) => ({ ...word, at })), shown = all.length > MOST_BARS
    ? [...all].sort((a, b) => Math.abs(b.effect) - Math.abs(a.effect)).slice(0, MOST_BARS).sort((a, b) => a.at - b.at) : all;
  const most = Math.max(...shown.map((word) => Math.abs(word.effect)), 1e-9), looked = Math.max(...shown.map((word) => word.attention ?? 0), 1e-9),
    attended = shown.some((word) => word.attention != null);
  const row = (word) => ({ label: visible(word.text),
    title: `${shorten(word.text, 200)}: effect ${told4(word.effect)}${word.attention == null ? "" : `, attention ${percent(word.attention)}`}`,
    series: [
    { value: word.effect / most, class: word.effect < 0 ? "against" : "amount", said: told4(word.effect) },
      ...(attended ? [{ value: (word.attention ?? 0) / looked, class: "looked", said: percent(word.attention ?? 0) }] : [])] });
  const picture = bars(home, shown.map(row), { signed: true,
    aria: `Effect of each word by ${answer.method}${attended ? ", and attention to it" : ""}` });
  const key = html("div", { class: "legend" }, html("span", { class: "key" }, html("i", { class: "swatch amount" }),
    `effect on ${visible(answer.of)}`), shown.some((word) => word.effect < 0)
    ? html("span", { class: "key" }, html("i", { class: "swatch against" }), "speaks against it") : null, attended
    ? html("span", { class: "key" }, html("i", { class: "swatch looked" }), "attention to the word") : null);
  const cut = all.length > shown.length ? ` The ${shown.length} words of ${grouped(all.length)} with the largest effect are drawn.` : "";
  const lead = `${visible(answer.measured ?? (answer.said ?? []).join(" "))}${cut}`;
  return plate(home, { name: "Words by effect", lead, copy: () => picture, trust: trustOf(answer) }, key, picture,
    unseenTable(`Effect of each word by ${answer.method}`, ["word", "effect", "attention"],
      shown.map((word) => [shorten(word.text, 60), told4(word.effect), word.attention == null ? "–" : percent(word.attention)])),
    numbersOfTrust(answer));
}

function trustOf({ agreement, faithfulness, method, trust }) {
  if (trust) return trust;
  const agreed = agreement == null ? "" : ` Effect and attention agree with rank correlation ${number(agreement)} (1 is the same order, 0 is none).`;
  if (!faithfulness) return `How faithful ${method} is was not measured for this model.${agreed}`;
  const { rank, of, n, measured_on: on } = faithfulness;
  return `${method} ranks ${rank} of ${of} methods by faithfulness, measured on ${n} texts of ${on}.${agreed}`;
}

function numbersOfTrust({ agreement, faithfulness }) {
  const facts = [["agreement with attention", agreement, "rank correlation"],
    ["comprehensiveness", faithfulness?.comprehensiveness, "higher is better"], ["sufficiency", faithfulness?.sufficiency, "lower is better"],
    ["rank", faithfulness ? `${faithfulness.rank} of ${faithfulness.of}` : null, "among the methods"]].filter(([, value]) => value != null);
  return facts.length ? html("dl", { class: "facts" }, ...facts.map(([name, value, note]) =>
    html("div", {}, html("dt", {}, name), html("dd", {}, typeof value === "number" ? number(value).replace("-", "−") : value),
    html("small", {}, note)))) : null;
}

// Deletion: what is left of the score as the words with the most effect are taken away, one after another.
function curvePlate(home, answer) {
  const points = answer.curve ?? [];
  if (points.length < 2) return null;
  const width = Math.min(home.innerWidth, 640), height = 230, left = 52, right = 18, bottom = 34, ui = fontOf(home.element, "--sans"),
    scores = points.map((point) => point[1]), low = Math.min(0, ...scores), high = Math.max(...scores, low + 1e-9);
  const x = (share) => left + share * (width - left - right), y = (score) => 12 + ((high - score) / (high - low)) * (height - bottom - 12),
    text = (label, at, where, anchor = "middle") => svg("text", { class: "side", x: at, y: where, "text-anchor": anchor, "font-size": 11.5,
    "font-family": ui }, label);
  const picture = svg("svg", { class: "curve", width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `Deletion curve from ${told4(scores[0])} to ${told4(scores.at(-1))}` },
    ...[low, (low + high) / 2, high].flatMap((score) => [
      svg("path", { class: "axis", d: `M${left} ${y(score)}H${width - right}` }), text(told4(score), left - 8, y(score) + 4, "end")]),
    ...[0, 0.25, 0.5, 0.75, 1].map((share) => text(percent(share), x(share), height - 14)),
    svg("path", { class: "curved", d: `M${points.map(([share, score]) => `${x(share)} ${y(score)}`).join("L")}`, fill: "none" }),
    ...points.map(([share, score]) => svg("circle", { class: "dot", cx: x(share), cy: y(score), r: 3 })));
  const lead = `What is left of ${visible(answer.of)} as the words of most effect are removed, strongest first. `
    + "A steep fall means that these words carried it.";
  const trust = "Measured on this text alone; how the method does over many texts stands above.";
  return plate(home, { name: "Deletion curve", lead, copy: () => picture, trust }, picture,
    unseenTable("Deletion curve", ["share removed", "score"], points.map(([share, score]) => [percent(share), told4(score)])));
}
