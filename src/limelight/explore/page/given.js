// Given: what a model that reads pictures or sounds, or draws, was given, and what it said of that; others may be given where it is live.

const ASKED = { picture: ["Another picture", "Drop a picture here, or choose one.", "image/*"],
  sound: ["Another recording", "Drop a recording here, or choose one.", "audio/*"] };
const DRAWN_OF = { picture: pictureView, sound: soundView, text: pictureView };

function givenView(home) {
  const node = html("div", { class: "view given" }), said = html("div", {}), live = home.asker.live;
  let view = null;
  const put = (shown) => { view?.close?.(); view = DRAWN_OF[home.scene.given](home, shown); said.replaceChildren(view.node); };
  // The newest wins; what was shown stays, a little paler, until the answer comes.
  const wait = async (asked) => {
    const ticket = said.ticket = {};
    said.classList.add("waiting");
    const answer = await asked;
    if (said.ticket !== ticket) return;
    said.classList.remove("waiting");
    if (answer.error) { view?.close?.(); view = null; said.replaceChildren(problem(answer)); } else { put(answer); view.show(); }
  };
  if (live) node.append(home.scene.given === "text" ? drawTools(home, wait) : giveTools(home, node, wait));
  node.append(said);
  put(home.scene.shown);
  return { node, show: () => view?.show() };
}

// A file by choosing or by dropping it. It goes to the model behind this page, on this machine, and nowhere else.
function giveTools(home, place, wait) {
  const { given, most } = home.scene, [name, hint, accept] = ASKED[given];
  const give = (file) => file && wait(file.size > most ? fault(`${shorten(file.name, 60)} has ${grouped(file.size)} bytes; at most ${grouped(most)} are read here.`,
    "Make it smaller first.") : home.asker.give(file));
  const input = html("input", { type: "file", accept, "aria-label": name, "data-at": "give", on: { change: () => { give(input.files[0]); input.value = ""; } } });
  const over = (on) => (event) => { event.preventDefault(); place.classList.toggle("over", on); };
  for (const [kind, on] of [["dragenter", true], ["dragover", true], ["dragleave", false], ["drop", false]]) place.addEventListener(kind, over(on));
  place.addEventListener("drop", (event) => give(event.dataTransfer.files[0]));
  return html("div", { class: "giving" }, html("label", { class: "choose" }, name, input),
    hinted(`${hint} It stays on this machine; at most ${grouped(Math.round(most / 2 ** 20))} MB.`));
}

// A text to draw, and the number that the dice begin with: the same two draw the same picture.
function drawTools(home, wait) {
  const { text, seed } = home.scene.shown;
  const said = html("input", { type: "text", value: text, maxlength: 2000, "aria-label": "What to draw", "data-at": "text" });
  const dice = html("input", { type: "number", value: seed, min: 0, step: 1, "aria-label": "Seed", "data-at": "seed" });
  const go = () => wait(home.ask({ ask: "draw", text: said.value, seed: Number(dice.value) }));
  return html("form", { class: "giving", on: { submit: (event) => { event.preventDefault(); go(); } } }, said, html("label", {}, "Seed ", dice),
    html("button", { type: "submit" }, "Draw"));
}
