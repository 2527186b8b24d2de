// Steps: from text to the next token, one at a time, with the numbers that made it.

function stepsView(home) {
  const node = html("div", { class: "view steps" }), head = html("div", { class: "walk" }), body = html("div", {}), tree = html("div", {});
  const steps = stepsOf(home.scene);
  node.append(head, body, tree);
  const go = (step) => home.set({ step: clamp(step, 0, steps.length - 1) });
  const show = () => {
    if (!steps.length) return node.replaceChildren(hinted("This model wrote nothing and reads no text that could be walked."));
    const at = home.state.step;
    home.keep(head, () => head.replaceChildren(...walked(home, steps, at, go)));
    fill(home, body, { ask: "step", i: at, lens: true }, (answer) => wayOf(home, steps[at], answer));
    tree.replaceChildren(...(home.scene.beams ? [beamsPlate(home)] : []));
  };
  return { node, show };
}

function walked(home, steps, at, go) {
  const item = (step) => ({ ...step, under: step.p == null ? null : percent(step.p), title: step.piece });
  const next = (text, label, to) => {
    const node = named(text, label, () => go(to));
    node.disabled = to < 0 || to >= steps.length;
    return node;
  };
  const what = steps[at].read ? "Places of the text" : "What was written, token by token";
  return [html("div", { class: "row" }, html("p", { class: "what" }, what, html("span", { class: "count" }, `${at + 1} of ${grouped(steps.length)}`)),
    html("span", { class: "tools" }, next("‹ Previous", "Previous token", at - 1), next("Next ›", "Next token", at + 1))),
  strip(home, { label: what, items: steps.map(item), chosen: at, choose: go, name: "step" })];
}

function wayOf(home, step, answer) {
  const parts = step.read ? [textPart, tokensPart, embeddingPart, headPart, layersPart, sayPart]
    : [textPart, tokensPart, embeddingPart, headPart, layersPart, logitsPart];
  const item = ([name, said, ...inner], k) => html("li", {},
    html("div", { class: "aside" }, html("span", { class: "nth" }, String(k + 1)), html("h3", {}, name), html("p", {}, said)),
    html("div", { class: "inner" }, ...inner));
  return html("ol", { class: "way" }, ...parts.map((part) => part(home, step, answer)).filter(Boolean).map(item));
}

// --- text and tokens --------------------------------------------------------------------------------------------------------
const readTrack = (scene) => (scene.tracks.source ? "source" : "text");
const writeTrack = (scene) => (scene.tracks.target ? "target" : "text");

function textPart(home, step) {
  const { scene } = home, track = scene.tracks[readTrack(scene)], two = Boolean(scene.tracks.target);
  const given = two || step.read ? [0, track.tokens.length] : [0, Math.min(track.prompt, step.at + 1)];
  const rows = [html("p", { class: "prose", dir: "auto" }, ...prose(unitsOf(track).slice(...given), step.read ? step.at : null))];
  if (!step.read) rows.push(html("p", { class: "prose written", dir: "auto" }, ...writtenSoFar(scene, step), " ",
    html("mark", {}, shorten(step.label, 60))));
  return ["Text", step.read ? "What is read." : `What ${two ? "is read" : "was given"}, and what was written before this token.`, ...rows];
}

function writtenSoFar(scene, step) {
  const before = scene.steps.slice(0, scene.steps.findIndex((one) => one.at === step.at));
  return prose(before.map((one) => ({ label: labelOf(one), piece: one.piece, mark: isMark(scene, one.id) })), null);
}

// A long text is shown round the place that matters, or its last part.
const PROSE = 90;
function prose(units, chosen) {
  const middle = chosen ?? units.length, from = units.length > PROSE ? clamp(middle - PROSE / 2, 0, units.length - PROSE) : 0,
    shown = units.slice(from, from + PROSE);
  const said = shown.map((unit, k) => html(from + k === chosen ? "mark" : "span", unit.mark ? { class: "mark" } : {},
    (k && (spaced(unit) || unit.mark) ? " " : "") + shorten(unit.label, 60)));
  const left = units.length - from - shown.length;
  return [from ? html("span", { class: "count" }, `… ${grouped(from)} tokens before … `) : null, ...said, left > 0
    ? html("span", { class: "count" }, ` … ${grouped(left)} tokens after`) : null].filter(Boolean);
}

function tokensPart(home, step, answer) {
  const { scene } = home, track = scene.tracks[writeTrack(scene)], source = scene.tracks.target ? scene.tracks.source : null;
  const row = (name, one, at) => {
    const from = one.tokens.length > 40 ? clamp((at ?? one.tokens.length) - 20, 0, one.tokens.length - 40) : 0,
      shown = one.tokens.slice(from, from + 40);
    return html("div", { class: "pieces" }, html("small", { class: "count" },
      `${name}: ${grouped(one.tokens.length)} tokens${shown.length < one.tokens.length ? `, ${from + 1} to ${from + shown.length} shown` : ""}`),
      html("span", { class: "pieced" }, ...shown.map((token, k) => html("span",
        { class: `piece${token.special ? " mark" : ""}${from + k === at ? " here" : ""}` },
        html("bdi", {}, shorten(token.piece.replace(/^[▁Ġ ]/u, "·"), 24)), html("small", {}, String(token.id))))));
  };
  return ["Tokens", "Pieces of the vocabulary and their numbers. A dot marks a blank before a word.", source ? row("read", source, null) : null,
    row(source ? "written" : "text", track, answer.at ?? step.at)].filter(Boolean);
}

// --- numbers ------------------------------------------------------------------------------------------------------------------
const POSITIONS = { learned: "a learned vector for each place is added", sinusoidal: "sines and cosines of the place are added",
  rotary: "queries and keys are turned by an angle that grows with the place",
  relative: "scores get a bias by distance", alibi: "scores lose a share for every step of distance", none: "nothing says where a token stands" };

function embeddingPart(home, step, answer) {
  const { embedding, position, at } = answer;
  const line = (name, ...inner) => html("div", { class: "fact" }, html("span", {}, name), ...inner);
  return ["Embedding and place", `Token ${answer.id ?? ""} becomes a vector; the first eight numbers of it are shown.`,
    line("embedding", vector(home, embedding)), line(`place ${at}`, position.numbers ? vector(home, { numbers: position.numbers }) : null,
      html("small", {}, POSITIONS[position.kind] ?? visible(position.kind))),
    answer.input ? line("both, to layer 0", vector(home, answer.input)) : null].filter(Boolean);
}

function layersPart(home, step, answer) {
  if (!answer.layers.length) return null;
  const parts = [...new Set(answer.layers.flatMap((layer) => layer.parts.map((part) => part.name)))],
    most = Math.max(...answer.layers.flatMap((layer) => layer.parts.map((part) => part.norm)), 1e-9);
  const lens = answer.layers.some((layer) => layer.lens);
  const bar = (part) => {
    const node = html("i", {});
    node.style.width = `${(100 * (part?.norm ?? 0)) / most}%`;
    return html("td", { class: "gauge" }, html("span", {}, node), html("small", {}, told4(part?.norm)));
  };
  const guess = ([piece, p]) => html("span", {}, wordOfText(bare(piece), 14), html("small", {}, percent(p)));
  const row = (layer) => html("tr", {}, html("th", { scope: "row" }, layer.name),
    ...parts.map((name) => bar(layer.parts.find((part) => part.name === name))), html("td", { class: "wide-only" }, vector(home, layer.state)),
    lens ? html("td", { class: "guess" }, ...(layer.lens ?? []).slice(0, 1).map(guess)) : null);
  const table = html("table", { class: "layers" }, html("thead", {},
    html("tr", {}, html("th", { scope: "col" }, "layer"), ...parts.map((name) => html("th", { scope: "col" }, name)),
    html("th", { scope: "col", class: "wide-only" }, "state"), lens ? html("th", { scope: "col" }, "would say") : null)),
      html("tbody", {}, ...answer.layers.map(row)));
  const also = lens ? "; and what the model would say if it stopped there" : "";
  return ["Context, layer by layer", `How much each part adds at place ${answer.at}, as the length of what it adds${also}.`, html("div", { class: "scroll" }, table)];
}

function logitsPart(home, step, answer) {
  const rows = (answer.logits ?? []).map(([piece, logit, p]) => ({ label: bare(piece), chosen: piece === answer.choice, title: shorten(piece, 200),
    series: [{ value: p, class: "amount", said: percent(p) }], logit }));
  if (!rows.length) return null;
  const picture = () => bars(home, rows, { most: 1, width: Math.min(home.innerWidth, 620), aria: "Probabilities of the next token" });
  const shown = picture();
  const said = html("p", { class: "lead" }, "Chosen: ", html("mark", {}, shorten(bare(answer.choice), 60)), answer.p == null ? ""
    : ` with probability ${percent(answer.p)}. `, step.read ? "" : "It is read at the next step.");
  return ["Logits and choice", "The last state against every word of the vocabulary; softmax makes probabilities of it.",
    plate(home, { name: "Candidates", copy: () => shown, trust: lookTrust(home), level: 4 }, shown,
      unseenTable("Candidates", ["piece", "logit", "probability"], rows.map((row) =>
      [shorten(row.label, 60), told4(row.logit), percent(row.series[0].value)])), said)];
}

// What a model that writes nothing says of the whole text.
function sayPart(home, step, answer) {
  const { choice } = home.scene, written = answer.logits?.length ? logitsPart(home, step, answer) : null;
  if (written && choice?.kind !== "class") return written;
  if (!choice || choice.kind === "none" || choice.kind === "vector") return ["What comes of it",
    choice?.kind === "vector" ? "One vector for the text." : "This model has no head: its states are what it gives.", vector(home, answer.layers.at(-1)?.state)];
  const rows = choice.candidates.map(([label, p]) => ({ label, chosen: label === choice.label,
    series: [{ value: p, class: "amount", said: percent(p) }] }));
  const shown = bars(home, rows, { most: 1, width: Math.min(home.innerWidth, 620), aria: "Probabilities" });
  const how = { name: "Choice", copy: () => shown, trust: lookTrust(home), level: 4 };
  return ["Choice", "What the model says of the whole text.", plate(home, how, shown,
    unseenTable("Choice", ["label", "probability"], rows.map((row) => [shorten(row.label, 60), row.series[0].said])))];
}
