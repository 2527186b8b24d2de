// A recording as the model hears it, line after line as in a score, with its words at their times; it is played along.

const LINE = { room: 150, high: 96, axis: 20, lane: 42, gap: 26, least: 2, blink: 0.15 }, TEXT = 15;

function soundView(home, shown) {
  const place = URL.createObjectURL(new Blob([bytesOf(shown.sound)], { type: shown.kind }));
  const audio = html("audio", { controls: true, src: place, preload: "auto", "data-at": "audio" }), frame = html("div", { class: "scored" }),
    readout = html("div", { class: "readout", "aria-live": "polite" }), node = html("div", { class: "sounding" });
  let score = null, until = null, turning = 0, heard = null;
  const here = () => {
    if (until != null && audio.currentTime >= until) { audio.pause(); until = null; }
    score?.at(audio.currentTime);
    turning = audio.paused ? 0 : requestAnimationFrame(here);
  };
  const play = (from, to) => { audio.currentTime = from; until = to; audio.play().catch(() => {}); };
  const act = { play: (one) => { heard = one; play(one.start, Math.max(one.end, one.start + LINE.blink)); say(one); }, seek: (time) => { until = null; audio.currentTime = time; score?.at(time); },
    point: (one) => say(one ?? heard) };
  const say = (one) => readout.replaceChildren(one ? wordSaid(one) : hinted("Choose a word to play it, or a place to play from."));
  for (const kind of ["play", "seeked", "pause", "timeupdate"]) audio.addEventListener(kind, () => { turning ||= requestAnimationFrame(here); });
  const { name, duration, language, seconds, words } = shown;
  const lead = [name ? shorten(name, 80) : "", `${number(duration)} s of sound`, language ? `language ${visible(language)}` : "", `${grouped(words.length)} words`,
    `heard in ${number(seconds)} s`].filter(Boolean).join(" · ");
  node.append(plate(home, { name: "Recording", lead, trust: trustSaid(shown), copy: () => score.node }, html("p", { class: "prose heard", dir: "auto", tabindex: 0 },
    shown.text ? shorten(shown.text, 4000) : "No words were heard."), html("div", { class: "player" }, audio, readout), frame, unseenTable("Words", ["word", "from", "to", "share of attention there"],
    words.map((one) => [shorten(one.text, 60), number(one.start), number(one.end), one.trust == null ? "–" : percent(one.trust)]))));
  let drawn = "";                                  // how wide and how dark: hundreds of words are drawn anew only where that is another
  const show = () => {
    const now = `${home.innerWidth} ${home.dark}`;
    if (now === drawn) return;
    drawn = now;
    score = scoreOf(home, shown, act);
    home.keep(frame, () => frame.replaceChildren(score.node));
    score.at(audio.currentTime);
    say(heard);
  };
  return { node, show, close() { audio.pause(); URL.revokeObjectURL(place); } };
}

const wordSaid = ({ text, start, end, probability, trust }) => html("p", { class: "saidof" }, html("bdi", { class: "subject" }, shorten(text, 60)),
  html("span", {}, html("b", {}, `${start.toFixed(2)} to ${end.toFixed(2)} s`)), probability == null ? "" : html("span", {},
    html("b", {}, percent(probability)), " likely"), trust == null ? "" : html("span", {}, html("b", {}, percent(trust)),
    " of what the heads that align looked at is there"));

// All lines as one picture. `at` moves the cursor and marks the word that is heard.
function scoreOf(home, shown, act) {
  const width = Math.floor(home.innerWidth), per = clamp(shown.duration, 0.5, Math.max(LINE.least, width / LINE.room)), unit = width / per;
  const rows = Math.max(1, Math.ceil(shown.duration / per - 1e-6)), lines = span(rows).map((row) => laned(home, shown.words, row * per, (row + 1) * per, unit));
  const tall = lines.map(({ lanes }) => LINE.high + LINE.axis + lanes * LINE.lane + LINE.gap), tops = tall.map((_, k) => tall.slice(0, k).reduce((a, b) => a + b, 0));
  const painting = painted({ ...shown.spectrogram, bytes: bitsOf(shown.spectrogram), dark: home.dark });
  const cursor = svg("path", { class: "cursor" }), marks = new Map();
  const drawn = lines.map((line, row) => lineOf(home, shown, { line, from: row * per, per, unit, width, painting, act, marks }, tops[row]));
  const height = tops.at(-1) + tall.at(-1);
  const node = svg("svg", { class: "score", width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "The recording and its words" }, ...drawn, cursor);
  roving(node, "[data-word]", (one) => act.point(shown.words[Number(one.dataset.word)]));
  const at = (time) => {
    const row = clamp(Math.floor(time / per), 0, rows - 1), x = (time - row * per) * unit, y = tops[row];
    cursor.setAttribute("d", `M${x} ${y}V${y + tall[row] - LINE.gap}`);
    for (const [one, nodes] of marks) for (const each of nodes) each.classList.toggle("sounding", time >= one.start && time < one.end);
  };
  return { node, at };
}

// The words of a line in as many lanes as they need not to touch.
function laned(home, words, from, to, unit) {
  const font = `${TEXT}px ${fontOf(home.element, "--serif")}`, ends = [], placed = [];
  for (const [k, one] of words.entries()) {
    if (one.end <= from || one.start >= to) { if (!(one.start === one.end && one.start >= from && one.start < to)) continue; }
    const first = one.start >= from || from === 0, x = (Math.max(one.start, from) - from) * unit, long = (Math.min(one.end, to) - Math.max(one.start, from)) * unit;
    const label = first ? shorten(one.text, 30) : "…", said = Math.max(wide(label, font), 30), left = clamp(x, 0, Math.max(0, (to - from) * unit - said));
    let lane = ends.findIndex((end) => end <= left);
    if (lane < 0) lane = ends.push(0) - 1;
    ends[lane] = Math.max(x + long, left + said) + 10;
    placed.push({ k, one, x, left, room: ends[lane] - left, long: Math.max(long, 2), lane, label });
  }
  return { placed, lanes: Math.max(1, ends.length) };
}

function lineOf(home, shown, { line, from, per, unit, width, painting, act, marks }, top) {
  const { spectrogram: { step }, duration } = shown, until = Math.min(from + per, duration), long = (until - from) * unit, ui = fontOf(home.element, "--sans"),
    serif = fontOf(home.element, "--serif"), below = LINE.high + LINE.axis;
  const every = [0.1, 0.2, 0.5, 1, 2, 5].find((size) => size * unit >= 60) ?? 10, first = Math.ceil(from / every - 1e-6), ticks = span(Math.max(0, Math.floor(until / every + 1e-6) - first + 1));
  const word = ({ k, one, x, left, room, long: far, lane, label }) => {
    const y = below + lane * LINE.lane, trust = one.trust ?? 1;
    const node = svg("g", { class: "spoken", role: "button", tabindex: k ? -1 : 0, "data-word": k, "data-at": `word-${k}-${from}`, "aria-label":
      `${shorten(one.text, 60)}, ${one.start.toFixed(2)} to ${one.end.toFixed(2)} seconds${one.trust == null ? "" : `, ${percent(one.trust)} of attention there`}`,
      on: { click: () => act.play(one), pointerenter: () => act.point(one), pointerleave: () => act.point(null), keydown: (event) => {
        if (event.key === "Enter" || event.key === " ") { event.preventDefault(); act.play(one); } } } },
      svg("rect", { class: "reach", x, y: 0, width: far, height: LINE.high, fill: "#fff", "fill-opacity": 0 }),
      svg("rect", { x: left, y, width: room, height: LINE.lane - 4, fill: "#fff", "fill-opacity": 0 }),
      svg("rect", { class: "span", x, y, width: far, height: 5, rx: 2 }), svg("rect", { class: "trusted", x, y, width: far * clamp(trust, 0, 1), height: 5, rx: 2 }),
      svg("text", { class: "label", x: left, y: y + 21, "font-size": TEXT, "font-family": serif }, label), one.trust == null ? null
      : svg("text", { class: "value", x: left, y: y + 34, "font-size": 11, "font-family": ui }, percent(one.trust)));
    marks.set(one, [...(marks.get(one) ?? []), node]);
    return node;
  };
  const seek = (event) => { const box = event.target.getBoundingClientRect(); act.seek(from + ((event.clientX - box.left) / box.width) * (until - from)); };
  return svg("g", { transform: `translate(0 ${top})` },
    svg("image", { class: "spectrum", width: long, height: LINE.high, preserveAspectRatio: "none", href: sliced(painting, from / step, until / step), on: { click: seek } }),
    ...ticks.map((k) => svg("text", { class: "tick", "pointer-events": "none", x: clamp(((first + k) * every - from) * unit, 0, width - 30), y: LINE.high + 14, "font-size": 11, "font-family": ui },
      `${((first + k) * every).toFixed(every < 1 ? 1 : 0)} s`)), ...line.placed.map(word));
}

function sliced(painting, from, to) {
  const left = Math.floor(from), width = Math.max(1, Math.min(painting.width, Math.ceil(to)) - left), part = html("canvas", { width, height: painting.height });
  part.getContext("2d").drawImage(painting, -left, 0);
  return part.toDataURL();
}
