// The tree of beams: what was tried, what was dropped, what won.

const TREE = { step: 27, gap: 46, size: 16, most: 60 };

function beamsPlate(home) {
  const all = home.scene.beams.nodes, { nodes, left } = pruned(all), plan = planted(nodes, fontOf(home.element, "--serif")),
    shown = treed(home, plan);
  const won = plan.nodes.filter((node) => node.state === "won").sort((a, b) => a.step - b.step);
  const lead = `What the search tried. The dark path won; pale ends were dropped.${left ? ` ${grouped(left)} dropped ends are not drawn.` : ""}`;
  return plate(home, { name: "Beams", lead, trust: home.scene.trust?.beams
    ?? "The log-probabilities are the search's own, summed as it summed them.", copy: () => shown },
    html("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Tree of beams" }, shown),
    unseenTable("The path that won", ["piece", "log-probability", "total"],
      won.map((node) => [shorten(node.piece, 60), told4(node.logp), told4(node.total)])));
}

// A tree of many ends keeps the ways that lived and the best of those that did not.
function pruned(all) {
  const parents = new Set(all.map((node) => node.parent)), ends = all.filter((node) => !parents.has(node.id));
  const dropped = ends.filter((node) => node.state === "dropped").sort((a, b) => b.total - a.total),
    room = Math.max(0, TREE.most - (ends.length - dropped.length));
  const gone = new Set(dropped.slice(room).map((node) => node.id));
  return { nodes: all.filter((node) => !gone.has(node.id)), left: gone.size };
}

// Steps go to the right, and the best child of each goes straight on. A branch takes the first free row of its column below its parent's, so that
// no two branches cross and a dropped end stays near where it was dropped.
function planted(given, family) {
  const nodes = given.map((node) => ({ ...node, label: shorten(bare(node.piece), 16), children: [] })),
    byId = new Map(nodes.map((node) => [node.id, node])), columns = [];
  for (const node of nodes) {
    byId.get(node.parent)?.children.push(node);
    node.wide = wide(node.label, `${TREE.size}px ${family}`);
    columns[node.step] = Math.max(columns[node.step] ?? 0, node.wide);
  }
  const starts = [], rank = { won: 0, ended: 1, live: 2, dropped: 3 }, best = (a, b) => rank[a.state] - rank[b.state] || b.total - a.total;
  for (let step = 0, x = 8; step < columns.length; step++) { starts[step] = x; x += (columns[step] ?? 0) + TREE.gap; }
  let now = nodes.filter((node) => !byId.has(node.parent)).sort(best), rows = 0;
  for (const root of now) root.row = rows++;
  while (now.length) {
    let free = 0;
    now = now.flatMap((node) => node.children.sort(best).map((child, k) => { free = (child.row = Math.max(free, node.row + k)) + 1; return child; }));
    rows = Math.max(rows, free);
  }
  for (const node of nodes) Object.assign(node, { x: starts[node.step], y: 20 + TREE.step * node.row });
  return { nodes, byId, height: rows * TREE.step + 12, width: Math.max(...nodes.map((node) => node.x + node.wide), 40) + 60 };
}

function treed(home, { nodes, byId, width, height }) {
  const family = fontOf(home.element, "--serif"), ui = fontOf(home.element, "--sans");
  const link = (node) => {
    const from = byId.get(node.parent);
    if (!from) return null;
    const x = from.x + from.wide + 5, y = from.y - 5, end = node.x - 5, to = node.y - 5, bend = (end - x) / 2;
    return svg("path", { class: `branch ${node.state}`, d: `M${x} ${y}C${x + bend} ${y} ${end - bend} ${to} ${end} ${to}`,
      "stroke-width": (1 + 3.2 * Math.exp(node.logp)).toFixed(2), fill: "none" });
  };
  const leaf = (node) => svg("g", { class: `leaf ${node.state}` }, svg("title", {},
    `${shorten(node.piece, 100)}: probability ${percent(Math.exp(node.logp))}, total ${told4(node.total)}`),
    svg("text", { class: "label", x: node.x, y: node.y, "font-size": TREE.size, "font-family": family }, node.label),
    !node.children.length && node.state !== "dropped" ? svg("text",
      { class: "value", x: node.x + node.wide + 7, y: node.y, "font-size": 11, "font-family": ui }, told4(node.total)) : null);
  return svg("svg", { class: "tree", width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `Tree of ${nodes.length} steps of beams` }, ...nodes.map(link).filter(Boolean), ...nodes.map(leaf));
}
