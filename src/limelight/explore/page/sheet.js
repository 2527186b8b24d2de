// How the explorer looks: the house's paper, ink and green, with room to breathe.

const LOOK = new CSSStyleSheet();
LOOK.replaceSync(`
:host { --clay: light-dark(#b2532a, #ec9e6e); --green: light-dark(#4d9a5c, #a0cb4c); --still: light-dark(#a9ad9f, #6c756c); }
* { box-sizing: border-box; }
.frame { display: grid; gap: 28px; min-width: 0; grid-template-columns: minmax(0, 1fr); container-type: inline-size; }
.top { display: grid; gap: 4px 24px; grid-template-columns: minmax(0, 1fr) auto; align-items: start; }
h1 { margin: 0; font: 400 27px/1.3 var(--serif); letter-spacing: -.005em; overflow-wrap: anywhere; }
h1.long { font-size: 20px; }
.answer { margin: 0; grid-column: 1; font: italic 21px/1.4 var(--serif); color: light-dark(#0c4a3e, #cfe58a); overflow-wrap: anywhere; }
.answer::before { content: "→ "; font-style: normal; color: var(--soft); }
.meta { margin: 4px 0 0; grid-column: 1; color: var(--soft); font-size: 13px; overflow-wrap: anywhere; }
.top .tools { grid-column: 2; grid-row: 1; }
[role=tablist] { display: flex; gap: 4px; border-bottom: 1px solid var(--edge); overflow-x: auto; scrollbar-width: none; }
[role=tab] { border: 0; border-radius: 8px 8px 0 0; padding: 8px 15px 10px; font-weight: 500; white-space: nowrap; border-bottom: 2px solid transparent; margin-bottom: -1px; }
[role=tab][aria-selected=true] { color: var(--ink); border-bottom-color: var(--glow); }
[role=tab]:focus-visible { outline-offset: -3px; }
[role=tabpanel] { min-width: 0; outline: none; }
[role=tabpanel]:focus-visible { outline: 2px solid var(--glow); outline-offset: 8px; border-radius: 4px; }
.foot { margin: 0; padding-top: 14px; border-top: 1px solid var(--edge); font-size: 13px; color: var(--soft); overflow-wrap: anywhere; }
.view, .view > div { display: grid; gap: 34px; min-width: 0; grid-template-columns: minmax(0, 1fr); align-content: start; }
.view > div:empty { display: none; }
.view > .bar { display: flex; flex-wrap: wrap; gap: 10px 14px; align-items: center; margin-bottom: -10px; }
.waiting { opacity: .45; transition: opacity .2s .25s; }
.hint, .count, .lead, small { color: var(--soft); }
.hint { margin: 0; }
small, .count { font-size: 12px; font-variant-numeric: tabular-nums; }
.count { margin: 0; }
h3 { margin: 0; font: 600 15px/1.4 var(--sans); letter-spacing: -.005em; }
h4 { margin: 0 0 6px; font: 600 13px/1.4 var(--sans); color: var(--soft); }
.plate { display: grid; gap: 14px; min-width: 0; grid-template-columns: minmax(0, 1fr); }
.plate > header { display: flex; gap: 8px 16px; align-items: center; justify-content: space-between; flex-wrap: wrap; }
.plate .tools button, .top .tools button { font-size: 12px; padding: 2px 8px; min-height: 28px; }
.lead { margin: 0; font-size: 13px; max-width: 76ch; overflow-wrap: anywhere; }
.trust { margin: 0; padding-top: 10px; border-top: 1px solid var(--edge); font-size: 13px; display: flex; flex-wrap: wrap; gap: 0 10px; overflow-wrap: anywhere; }
.trust b { font-weight: 600; }
.trust span { color: var(--soft); min-width: 0; }
.problem { margin: 0; padding: 12px 16px; border-left: 3px solid var(--clay); background: var(--raised); border-radius: 0 10px 10px 0; display: grid; overflow-wrap: anywhere; }
.problem b { font-weight: 600; }
.problem span { color: var(--soft); }
button:disabled { opacity: .4; cursor: default; }
input[type=text] { font: 16px/1.3 var(--serif); color: var(--ink); background: var(--paper); border: 1px solid var(--edge); border-radius: 8px; padding: 4px 10px; min-height: 32px; min-width: 0; width: 15ch; }
input[type=text]:focus-visible { outline: 2px solid var(--glow); outline-offset: 1px; }
mark { background: var(--ink); color: var(--paper); border-radius: 6px; padding: 0 .3em; font: inherit; }
bdi.word { font: 17px/1.35 var(--serif); overflow-wrap: anywhere; }
.mark, .mark bdi { color: var(--soft); font-family: var(--sans); }
.prose { margin: 0; font: 20px/1.55 var(--serif); overflow-wrap: anywhere; white-space: pre-line; }
.prose.written { color: light-dark(#0c4a3e, #cfe58a); }
.prose .mark { font-size: .7em; }
.prose .count { font-family: var(--sans); }

.walk { gap: 8px !important; position: sticky; top: 0; z-index: 2; background: var(--paper); padding: 8px 0 10px; border-bottom: 1px solid var(--edge); }
.row { display: flex; flex-wrap: wrap; gap: 6px 16px; align-items: center; justify-content: space-between; }
.what { margin: 0; font-weight: 600; display: flex; gap: 10px; align-items: baseline; flex-wrap: wrap; }
.what .count { font-weight: 400; }
.strip { display: flex; flex-wrap: wrap; gap: 2px 2px; align-items: stretch; min-width: 0; }
.walk .strip { flex-wrap: nowrap; overflow-x: auto; scrollbar-width: thin; padding: 2px; }
.chipped { border: 0; background: none; color: var(--ink); border-radius: 8px; padding: 3px 9px 4px; min-height: 0; display: grid; justify-items: center; gap: 0; flex: none; max-width: 100%; }
.chipped small { line-height: 1.2; font-size: 11px; }
.chipped:hover { background: var(--raised); }
.chipped[aria-checked=true], .chipped[aria-pressed=true] { background: var(--ink); color: var(--paper); }
.chipped[aria-checked=true] :is(small, bdi), .chipped[aria-pressed=true] :is(small, bdi, s) { color: inherit; }
.chipped:focus-visible { outline-offset: -1px; }
.chipped.masked bdi { text-decoration: line-through; text-decoration-thickness: 2px; color: var(--still); }
.chipped.swapped bdi { color: var(--clay); }
.chipped s { font: 13px/1 var(--serif); color: var(--still); margin-left: 6px; }
.more { border: 0; color: var(--soft); font-size: 12px; white-space: nowrap; flex: none; }

.way { list-style: none; margin: 0; padding: 0; }
.way > li { display: grid; grid-template-columns: 208px minmax(0, 1fr); gap: 12px 40px; padding: 24px 0; border-bottom: 1px solid var(--edge); }
.way > li:first-child { padding-top: 0; }
.way > li:last-child { border-bottom: 0; padding-bottom: 0; }
.aside { position: relative; padding-left: 34px; }
.aside p { margin: 3px 0 0; font-size: 13px; color: var(--soft); }
.aside .nth { position: absolute; left: 0; top: -1px; width: 23px; height: 23px; border-radius: 50%; border: 1px solid var(--edge); color: var(--soft); font-size: 12px; display: grid; place-items: center; font-variant-numeric: tabular-nums; }
.inner { display: grid; gap: 14px; min-width: 0; grid-template-columns: minmax(0, 1fr); align-content: start; }
.inner .plate header h4 { margin: 0; }
.pieces { display: grid; gap: 6px; }
.pieced { display: flex; flex-wrap: wrap; gap: 5px; }
.piece { display: inline-grid; justify-items: center; padding: 2px 8px 3px; border-radius: 7px; background: var(--raised); max-width: 100%; }
.piece bdi { font: 16px/1.35 var(--serif); overflow-wrap: anywhere; }
.piece small { font-size: 10.5px; line-height: 1.2; }
.piece.here { background: var(--ink); color: var(--paper); }
.piece.here :is(bdi, small) { color: inherit; }
.fact { display: flex; flex-wrap: wrap; gap: 6px 14px; align-items: center; }
.fact > span:first-child:not(.vector) { min-width: 104px; color: var(--soft); font-size: 13px; }
.vector { vertical-align: middle; display: inline-flex; gap: 8px; align-items: center; }
.cells { display: inline-flex; border-radius: 4px; overflow: hidden; border: 1px solid var(--edge); flex: none; }
.cells i { width: 15px; height: 15px; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; width: 100%; }
th, td { padding: 4px 10px 4px 0; text-align: left; font-weight: 400; white-space: nowrap; vertical-align: middle; }
thead th { color: var(--soft); font-size: 12px; border-bottom: 1px solid var(--edge); padding-bottom: 5px; }
tbody th small { margin-left: 6px; }
.gauge { min-width: 110px; }
.gauge > span { display: inline-block; width: 70px; height: 9px; border-radius: 3px; background: var(--raised); vertical-align: middle; margin-right: 8px; overflow: hidden; }
.gauge i { display: block; height: 100%; border-radius: 3px; background: var(--green); }
.gauge b { font-weight: 600; }
.guess bdi { margin-right: 6px; }
.barred { opacity: .5; }
.others { color: var(--soft); }
.chip b { white-space: nowrap; flex: none; }
.formula { margin: 0; padding: 10px 14px; border-radius: 10px; background: var(--raised); font: 17px/1.6 var(--serif); overflow-wrap: anywhere; font-variant-numeric: lining-nums; }
.formula sup { font-size: .68em; line-height: 0; }
.sums { display: grid; gap: 12px; min-width: 0; grid-template-columns: minmax(0, 1fr); }

svg .label { fill: var(--ink); }
svg .value { fill: var(--soft); font-variant-numeric: tabular-nums; }
.won .label, .won .value { font-weight: 700; fill: var(--ink); }
.amount { fill: var(--green); } .against { fill: var(--clay); } .looked { fill: var(--still); }
.swatch { width: 12px; height: 12px; border-radius: 3px; }
.swatch.amount { background: var(--green); } .swatch.against { background: var(--clay); } .swatch.looked { background: var(--still); }
.zero, .axis { stroke: var(--edge); stroke-width: 1; }
.branch { stroke: var(--edge); stroke-linecap: round; }
.branch.won { stroke: var(--glow); } .branch.live, .branch.ended { stroke: var(--still); }
.leaf.won .label { font-weight: 700; } .leaf.dropped .label { fill: var(--still); } .leaf.live .label, .leaf.ended .label { fill: var(--soft); }
.curved { stroke: var(--green); stroke-width: 2.5; stroke-linejoin: round; }
.dot { fill: var(--glow); }
.side { fill: var(--soft); }
.link-line { opacity: .3; } .lit-line { opacity: 1; }
.links { outline: none; cursor: pointer; }
.links:focus-visible, .map:focus-visible { outline: 2px solid var(--glow); outline-offset: 4px; border-radius: 4px; }

.heads { display: grid; gap: 32px; }
.kind { display: grid; gap: 16px; min-width: 0; grid-template-columns: minmax(0, 1fr); }
.kind h3 { display: flex; gap: 12px; align-items: baseline; }
.kind h3 .count { font-weight: 400; }
.kind-layers { display: grid; gap: 16px 28px; grid-template-columns: repeat(auto-fit, minmax(min(100%, var(--need)), 1fr)); }
.layer { display: grid; align-content: start; grid-template-columns: 112px minmax(0, 1fr); gap: 4px 12px; }
.layer-name { margin: 0; display: grid; align-content: start; padding-top: 5px; overflow-wrap: anywhere; }
.layer-name b { font-weight: 500; font-size: 13px; }
.layer-heads { display: grid; grid-template-columns: repeat(auto-fill, minmax(86px, 1fr)); gap: 8px 4px; }
.head { border: 0; border-radius: 10px; padding: 5px; display: grid; gap: 5px; justify-items: start; align-content: start; text-align: left; min-width: 0; color: var(--ink); }
.head:hover { background: var(--raised); }
.head.here { background: var(--raised); box-shadow: inset 0 0 0 1.5px var(--glow); }
.head .thumb { width: 100%; max-width: 84px; aspect-ratio: 1; border-radius: 6px; image-rendering: pixelated; box-shadow: 0 0 0 1px var(--edge); display: block; }
.head.ghost .thumb { background: var(--raised); box-shadow: none; }
.head .nth { font-size: 12px; line-height: 1.25; display: grid; font-variant-numeric: tabular-nums; min-width: 0; overflow-wrap: break-word; }
.head em { font-style: normal; font-weight: 500; }
.head small { font-size: 11px; }

.sky-stage { min-width: 0; }
.chooser { display: grid; gap: 12px; min-width: 0; }
.chooser:empty { display: none; }
.captioned { display: grid; gap: 2px; min-width: 0; }
.captioned h4 { margin: 0; font-weight: 500; font-size: 12px; }
.sky { display: flex; flex-wrap: wrap; align-items: flex-end; gap: 10px 3px; padding: 4px 0; }
.tok { position: relative; padding: 34px 3px 1px; border-radius: 7px; cursor: pointer; max-width: 100%; outline: none; }
.tok bdi { font: 18px/1.3 var(--serif); display: block; padding: 1px 3px; border-radius: 6px; overflow-wrap: anywhere; }
.tok i { position: absolute; left: 6px; right: 6px; bottom: calc(100% - 31px); border-radius: 3px 3px 1px 1px; transition: height .18s; }
.tok.mark bdi { font: 12px/1.9 var(--sans); }
.tok.still bdi { color: var(--soft); }
.tok.barred bdi { color: var(--still); }
.tok:hover bdi { background: var(--raised); }
.tok.here bdi { background: var(--ink); color: var(--paper); }
.tok:focus-visible bdi { outline: 2px solid var(--glow); outline-offset: 1px; }
.sky .more { align-self: flex-end; }
.map { display: block; cursor: crosshair; max-width: 100%; }
.zooms { gap: 6px; }

.bench { gap: 30px !important; }
.menu { padding: 10px 14px; border-radius: 12px; background: var(--raised); margin-top: 10px; }
.switches { display: flex; flex-wrap: wrap; gap: 20px 44px; }
.switch-kind { display: grid; gap: 3px; align-content: start; min-width: 0; }
.switch-row { display: flex; gap: 8px; align-items: center; }
.switch-row > button:first-child { border: 0; padding: 0 6px; min-height: 22px; min-width: 30px; font-size: 12px; text-align: right; font-variant-numeric: tabular-nums; }
.squares { display: flex; flex-wrap: wrap; gap: 3px; }
.switch { width: 20px; height: 20px; min-height: 0; padding: 0; border-radius: 5px; border: 1.5px solid var(--green); background: var(--green); }
.switch[aria-checked=false] { background: none; border-color: var(--still); }
.switch:hover { border-color: var(--ink); }
.pair { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 24px 40px; }
.said { min-width: 0; display: grid; gap: 8px; align-content: start; }
.said mark { background: light-dark(#f3dfd0, #47301f); color: inherit; }
.of { min-width: 0; overflow-x: auto; }
.whole { width: 100%; aspect-ratio: 1; image-rendering: pixelated; border-radius: 8px; box-shadow: 0 0 0 1px var(--edge); }
.quiet { padding: 22px 26px; border-radius: 14px; background: var(--raised); max-width: 72ch; }
.quiet p { margin: 0; }
pre { margin: 0; padding: 10px 14px; border-radius: 8px; background: var(--paper); overflow-x: auto; font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
.facts { margin: 0; display: flex; flex-wrap: wrap; gap: 14px 40px; }
.facts div { display: grid; }
.facts dt { font-size: 12px; color: var(--soft); }
.facts dd { margin: 0; font: 24px/1.25 var(--serif); font-variant-numeric: lining-nums; }

.given { border-radius: 14px; outline: 2px dashed transparent; outline-offset: 10px; }
.given.over { outline-color: var(--glow); }
.giving { display: flex !important; flex-wrap: wrap; gap: 8px 14px !important; align-items: center; margin: 0; min-width: 0; }
.giving input[type=text] { flex: 1 1 24ch; }
.giving input[type=number] { font: 14px/1.3 var(--sans); color: var(--ink); background: var(--paper); border: 1px solid var(--edge); border-radius: 8px; padding: 4px 8px; min-height: 32px; width: 9ch; }
.choose { position: relative; border: 1px solid var(--edge); border-radius: 8px; padding: 4px 12px; cursor: pointer; overflow: hidden; }
.choose:hover { border-color: var(--soft); }
.choose:focus-within { outline: 2px solid var(--glow); outline-offset: 2px; }
.choose input { position: absolute; inset: 0; opacity: 0; cursor: pointer; }
.framed, .scored { min-width: 0; overflow-x: auto; }
.shown { border-radius: 6px; }
.boxed, .spoken, .spectrum { cursor: pointer; }
.boxed { transition: opacity .15s; }
.saidof { margin: 0; display: flex; flex-wrap: wrap; gap: 2px 18px; align-items: baseline; font-size: 13px; color: var(--soft); }
.saidof .subject { font: 18px/1.3 var(--serif); color: var(--ink); }
.saidof b { font-weight: 600; color: var(--ink); font-variant-numeric: tabular-nums; }
.pictured .readout { min-height: 30px; }
.slide { display: flex; gap: 8px; align-items: center; font-size: 13px; color: var(--soft); }
.slide input { accent-color: var(--glow); width: 160px; }
.slide output { min-width: 4ch; color: var(--ink); font-variant-numeric: tabular-nums; }
audio { flex: 1 1 300px; min-width: 0; max-width: 480px; height: 40px; }
.heard { max-height: 8em; overflow-y: auto; }
.player { position: sticky; top: 0; z-index: 2; background: var(--paper); padding: 8px 0; display: flex; flex-wrap: wrap; gap: 8px 20px; align-items: center; }
.player .readout { flex: 1 1 320px; min-width: 0; min-height: 0; height: 76px; overflow-y: auto; }     /* pointing moves no word away */
.tick { fill: var(--soft); }
.span { fill: var(--edge); } .trusted { fill: var(--green); }
.spoken { outline: none; }
.spoken:hover .reach, .spoken:focus-visible .reach, .spoken.sounding .reach { fill: var(--glow); fill-opacity: .16; }
.spoken.sounding .label, .spoken:hover .label { font-weight: 700; }
.spoken:focus-visible .span { stroke: var(--glow); stroke-width: 2; }
.cursor { stroke: var(--clay); stroke-width: 2; pointer-events: none; }

@container (max-width: 760px) {
  .way > li { grid-template-columns: minmax(0, 1fr); }
  .pair { grid-template-columns: minmax(0, 1fr); }
  .wide-only { display: none; }
}
@container (max-width: 600px) {
  .player .readout { flex-basis: 100%; height: 104px; }
  h1 { font-size: 22px; }
  h1.long { font-size: 18px; }
  .answer { font-size: 18px; }
  .prose { font-size: 18px; }
  .layer { grid-template-columns: minmax(0, 1fr); }
  .layer-name { display: flex; gap: 8px; align-items: baseline; }
  .layer-heads { grid-template-columns: repeat(auto-fill, minmax(66px, 1fr)); }
  [role=tab] { padding: 8px 10px 10px; }
  th, td { padding-right: 8px; }
  .gauge > span { width: 44px; }
  .gauge { min-width: 84px; }
  .sum th bdi { display: inline-block; max-width: 92px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; vertical-align: bottom; }
  .layers .gauge { min-width: 0; }
  .layers .gauge > span { display: none; }
  .controls select { max-width: 130px; }
}
@media (prefers-reduced-motion: reduce) { * { transition: none !important; } }
@media print { .tools, .bar, .walk, .readout, [role=tablist] { display: none !important; } }
`);
