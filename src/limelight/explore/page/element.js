// <limelight-look>: one model, one text, five ways to look at what happened.
//
// The bundle stands inside the element as <script type="application/json">; or `src` names where a model answers; or `source` is set, as a
// notebook does. What is looked at stands in the address of the page, unless a notebook owns it (attribute `apart`).

const MAKE = { steps: stepsView, attention: attentionView, align: alignView, lab: labView, evidence: evidenceView };

// What the views share: the scene, the state, the answers, and the element's size and colours.
class Home {
  #views = {}; #probe = html("span", { class: "unseen" });
  edited = null; picked = null;

  constructor(element, root, asker, scene, state) { Object.assign(this, { element, root, asker, scene, state }); }

  ask(query) { return this.asker.ask(query); }
  get dark() { return isDark(this.element); }
  get width() { return Math.max(240, this.panel?.clientWidth || this.element.clientWidth); }
  get innerWidth() { return this.state.tab === "steps" && this.width > 760 ? this.width - 248 : this.width; }

  colour(name) {
    if (!this.#probe.isConnected) this.root.append(this.#probe);
    this.#probe.style.color = `var(${name})`;
    return getComputedStyle(this.#probe).color;
  }

  // What is drawn anew keeps the focus where it was.
  keep(node, draw) {
    const at = node.contains(this.root.activeElement) ? this.root.activeElement.dataset?.at : null;
    draw();
    if (at) node.querySelector(`[data-at="${CSS.escape(at)}"]`)?.focus({ preventScroll: true });
  }

  set(change, { quiet = false } = {}) {
    this.state = checked({ ...this.state, ...change }, this.scene);
    this.element.remember(this.state);
    if (!quiet) this.show();
  }

  show() {
    const { tab } = this.state, view = this.#views[tab] ??= MAKE[tab](this);
    if (view.node !== this.panel.firstChild) this.panel.replaceChildren(view.node);
    view.show();
  }
}

class Look extends HTMLElement {
  #root = this.attachShadow({ mode: "open" }); #home = null; #tabs = []; #source = null; #width = 0; #waiting = false; #started = false;
  #watch = new ResizeObserver(([entry]) => this.#resized(entry.contentRect.width));
  #repaint = () => this.#home?.show();
  #follow = () => {
    if (!this.#home || location.hash.slice(1) === hashOf(this.#home.state, startOf(this.#home.scene))) return;
    this.#home.state = stateOf(location.hash, this.#home.scene);
    this.#choose(this.#home.state.tab, { told: false });
  };

  set source(source) { this.#source = source; if (this.isConnected && !this.#started) this.#start(); }
  get source() { return this.#source; }

  connectedCallback() {
    this.#root.adoptedStyleSheets = [HOUSE, DRAWN, LOOK];
    SCHEME.addEventListener("change", this.#repaint);
    document.addEventListener("limelight-scheme", this.#repaint);
    addEventListener("hashchange", this.#follow);
    this.#watch.observe(this);
    if (!this.#started) this.#start();
  }

  disconnectedCallback() {
    this.#watch.disconnect();
    SCHEME.removeEventListener("change", this.#repaint);
    document.removeEventListener("limelight-scheme", this.#repaint);
    removeEventListener("hashchange", this.#follow);
  }

  async #start() {
    this.#started = true;
    let source;
    try { source = this.#source ?? this.#found(); } catch (error) { return this.#broken(fault(`This page cannot be read: ${error.message}`)); }
    if (!source) { this.#started = false; return this.#broken(fault("There is nothing to look at here.")); }
    this.#root.replaceChildren(html("p", { class: "hint", role: "status" }, "Reading …"));
    const asker = new Asker(source), scene = await asker.ask({ ask: "scene" });
    if (scene.error) return this.#broken(scene);
    this.#home = new Home(this, this.#root, asker, scene, this.apart ? startOf(scene) : stateOf(location.hash, scene));
    this.#draw();
  }

  get apart() { return this.hasAttribute("apart"); }

  #found() {
    if (this.hasAttribute("src")) return new Live(this.getAttribute("src"));
    const text = this.querySelector('script[type="application/json"]')?.textContent;
    return text ? new Kept(JSON.parse(text)) : null;
  }

  #broken(answer) { this.#root.replaceChildren(html("div", { class: "broken" }, problem(answer))); }

  #draw() {
    const home = this.#home, { scene } = home;
    home.panel = html("div", { role: "tabpanel", id: "panel", tabindex: 0 });
    this.#tabs = tabsOf(scene).map(([name, text]) => html("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "panel",
      "data-tab": name, on: { click: () => this.#choose(name) } }, text));
    const list = roving(html("div", { role: "tablist", "aria-label": "Ways to look" }, ...this.#tabs), "[role=tab]", (node) =>
      this.#choose(node.dataset.tab));
    this.#root.replaceChildren(html("div", { class: "frame" }, this.#header(scene), list, home.panel, scene.kept?.say
      ? html("p", { class: "foot" }, visible(scene.kept.say)) : ""));
    this.#choose(home.state.tab, { told: false });
  }

  #header(scene) {
    const note = html("span", { class: "note", role: "status" }), answer = answerOf(scene),
      tokens = Object.values(scene.tracks).reduce((sum, track) => sum + track.tokens.length, 0);
    const facts = [scene.title === scene.model ? "" : scene.model, scene.task, scene.parameters ? `${sized(scene.parameters)} parameters` : "",
      tokens ? `${grouped(tokens)} tokens` : "", scene.seconds == null ? ""
      : `${number(scene.seconds)} s`];
    return html("div", { class: "top" }, html("h1", { dir: "auto", class: (scene.title ?? "").length > 90 ? "long" : null },
      shorten(scene.title || scene.model, 220)), answer ? html("p", { class: "answer", dir: "auto" }, shorten(answer, 320)) : null,
      html("p", { class: "meta" }, facts.filter(Boolean).map((fact) => visible(String(fact))).join(" · ")),
      html("span", { class: "tools" }, this.apart ? null : button("Link", "Copy a link to what is shown", () => this.#copyLink(note)),
        button("◐", "Switch between light and dark", () => turnScheme(this)), note));
  }

  async #copyLink(note) {
    try { await navigator.clipboard.writeText(location.href); note.textContent = "Copied"; } catch { note.textContent = "It is in the address bar"; }
    setTimeout(() => { note.textContent = ""; }, 2500);
  }

  #choose(tab, { told: said = true } = {}) {
    for (const node of this.#tabs) {
      const here = node.dataset.tab === tab;
      node.setAttribute("aria-selected", String(here));
      node.setAttribute("tabindex", here ? "0" : "-1");
    }
    this.#home.panel.setAttribute("aria-labelledby", `tab-${tab}`);
    this.#tabs.find((node) => node.dataset.tab === tab)?.scrollIntoView?.({ block: "nearest", inline: "nearest" });
    if (said) this.#home.set({ tab }); else this.#home.show();
  }

  // The state as the page's address. A frame without an address of its own cannot be linked to, and need not be.
  remember(state) {
    if (this.apart) return;
    const text = hashOf(state, startOf(this.#home.scene));
    try { history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search); } catch { this.setAttribute("apart", ""); }
  }

  #resized(width) {
    if (Math.abs(width - this.#width) < 1 || this.#waiting) return;
    this.#width = width;
    this.#waiting = true;
    requestAnimationFrame(() => { this.#waiting = false; this.#home?.panel && this.#home.show(); });
  }
}

function answerOf(scene) {
  if (scene.tracks.target) return scene.tracks.target.text;
  if (scene.steps?.length) return answerWritten(scene);
  return ["class", "mask"].includes(scene.choice?.kind) ? `${scene.choice.label}${scene.choice.p == null ? "" : ` (${percent(scene.choice.p)})`}`
    : "";
}

// For a notebook: a widget's model is asked by messages, and the address of the notebook is left alone.
function widget({ model, el }) {
  const look = html("limelight-look", { apart: true });
  look.source = new Messages(model);
  el.append(look);
}

define("limelight-look", Look);
