// Align: the words of two texts side by side, as <limelight-attention> draws them; of a model that reads pictures or sounds, or draws, its
// words beside what they are of; or one line that says why there is nothing to draw.

function alignView(home) {
  if (home.scene.given) return givenView(home);
  const { align, trust } = home.scene, node = html("div", { class: "view" });
  const element = align ? html("limelight-attention", { "heading-level": "3" }) : null;
  if (element) element.picture = align;
  node.append(element ?? hinted(visible(trust?.align || "Nothing to align: this model does not read one text and write another.")));
  return { node, show() {} };
}
