#include "headrace/report/style.h"

// Colours are variables, once for light and once for dark; every text colour keeps a contrast of at least 4.5 to its ground
// (report_test.cc computes it from this text). State is never told by colour alone: each chip and node carries a sign.

namespace headrace {

Html StyleSheet() {
  return Html::Raw(R"css(
:root{color-scheme:light dark;
--ground:#f6f7f9;--panel:#ffffff;--ink:#18212d;--soft:#556272;--line:#dde2e9;--grid:#e8ecf1;--code:#eef1f5;
--accent:#1f57c3;--second:#5d6b7c;--good:#14703f;--warn:#875300;--bad:#b2271d;
--good-ground:#e4f3ea;--warn-ground:#fbf0da;--bad-ground:#fce9e7;--calm-ground:#e9eef6;--heat:31,87,195}
@media (prefers-color-scheme:dark){:root{
--ground:#0e131a;--panel:#161d27;--ink:#e5eaf1;--soft:#a2afbf;--line:#2b3644;--grid:#252f3c;--code:#202a37;
--accent:#82aeff;--second:#93a1b3;--good:#63cf97;--warn:#e8b75a;--bad:#ff8f85;
--good-ground:#15301f;--warn-ground:#35290f;--bad-ground:#3d1b1a;--calm-ground:#1d2a3f;--heat:130,174,255}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-padding-top:1rem}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
font-variant-numeric:tabular-nums;overflow-wrap:break-word}
.page{max-width:1180px;margin:0 auto;padding:0 clamp(14px,3vw,32px) 48px}
h1,h2,h3,h4{line-height:1.25;text-wrap:balance;margin:0}
h1{text-wrap:pretty;font-size:clamp(1.3rem,1rem + 1.6vw,1.95rem);font-weight:650;letter-spacing:-.012em;max-width:46em;margin:.55rem 0 0}
h2{font-size:1.2rem;font-weight:650;margin:2.6rem 0 .9rem}
h3{font-size:1.02rem;font-weight:650;margin:1.6rem 0 .7rem}
h4{font-size:.93rem;font-weight:650}
p{margin:.4rem 0;max-width:75ch}
a{color:var(--accent);text-underline-offset:.15em}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px;border-radius:4px}
code,pre,.mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;font-size:.9em}
code{background:var(--code);border-radius:4px;padding:.08em .3em;overflow-wrap:anywhere}
h1 code{font-size:.88em}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--code);padding:.7rem .9rem;border-radius:8px;margin:.5rem 0}
.soft{color:var(--soft)}
.small{font-size:.86rem}
header{padding:1.4rem 0 0}
.crumbs{display:flex;flex-wrap:wrap;gap:.15rem .5rem;align-items:center;color:var(--soft);font-size:.9rem;margin:0 0 1rem;padding:0;list-style:none}
.crumbs li:not(:last-child)::after{content:"/";margin-left:.5rem}
.chip{display:inline-flex;align-items:center;gap:.4em;font-weight:600;font-size:.86rem;padding:.16rem .65rem;border-radius:999px;white-space:nowrap}
td .chip{margin:.08rem 0}
.verdict{background:var(--panel);border:1px solid var(--line);border-radius:12px;padding:1.15rem clamp(1rem,2.5vw,1.6rem) 1.3rem;border-top:4px solid var(--second)}
.verdict.good{border-top-color:var(--good)}.verdict.warn{border-top-color:var(--warn)}.verdict.bad{border-top-color:var(--bad)}
.verdict .help{font-size:1rem;margin:.7rem 0 0}
.good>.chip,.chip.good{color:var(--good);background:var(--good-ground)}
.warn>.chip,.chip.warn{color:var(--warn);background:var(--warn-ground)}
.bad>.chip,.chip.bad{color:var(--bad);background:var(--bad-ground)}
.neutral>.chip,.chip.neutral{color:var(--ink);background:var(--calm-ground)}
.t-reused{color:var(--accent)}.t-good{color:var(--good)}.t-warn{color:var(--warn)}.t-bad{color:var(--bad)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(132px,1fr));margin:1rem 0 0;background:var(--panel);border:1px solid var(--line);border-radius:12px;overflow:hidden}
.tiles>div{box-shadow:0 0 0 1px var(--line);padding:.75rem 1rem .8rem;display:flex;flex-direction:column-reverse;justify-content:flex-end;margin:0}
.tiles dt{color:var(--soft);font-size:.84rem}
.tiles dd{margin:0;font-size:1.28rem;font-weight:600;line-height:1.3;overflow-wrap:anywhere}
.tiles dd.long{font-size:1rem;line-height:1.4;padding-bottom:.16rem}
nav ul{display:flex;flex-wrap:wrap;gap:.3rem 1.1rem;list-style:none;margin:1.1rem 0 0;padding:0;font-size:.92rem}
.panel{background:var(--panel);border:1px solid var(--line);border-radius:12px;padding:1rem clamp(.9rem,2vw,1.3rem);margin:0 0 1rem}
.panel>:first-child{margin-top:0}.panel>:last-child{margin-bottom:0}
.panel h4:not(:first-child){margin-top:1.2rem}
.panel.bad{border-left:4px solid var(--bad)}.panel.warn{border-left:4px solid var(--warn)}
.scroll{overflow-x:auto;max-width:100%;margin:.6rem 0}
table{border-collapse:collapse;font-size:.9rem;min-width:100%}
caption{text-align:left;color:var(--soft);font-size:.86rem;padding:0 0 .35rem}
th,td{text-align:left;vertical-align:top;padding:.38rem .8rem .38rem 0;border-bottom:1px solid var(--line)}
th:last-child,td:last-child{padding-right:0}
thead th{color:var(--soft);font-weight:600;font-size:.84rem;white-space:nowrap;vertical-align:bottom}
tbody th{font-weight:500}
tbody tr:last-child>*{border-bottom:0}
.n{text-align:right;white-space:nowrap}
th.n+:not(.n),td.n+:not(.n){padding-left:.9rem}
.nowrap{white-space:nowrap}
.meaning{display:inline-block;min-width:15rem;color:var(--soft)}
.sample td,.sample tbody th{max-width:22rem;overflow-wrap:anywhere}
dl.facts{display:grid;grid-template-columns:minmax(7rem,max-content) 1fr;gap:.32rem 1.2rem;margin:.5rem 0;font-size:.92rem}
dl.facts dt{color:var(--soft)}
dl.facts dd{margin:0;overflow-wrap:anywhere;min-width:0}
details{margin:.5rem 0}
summary{cursor:pointer;color:var(--accent);font-size:.9rem;width:fit-content}
ul.notes{margin:.4rem 0;padding-left:1.2rem}
.graph{overflow-x:auto;margin:0;padding:2px}
.graph svg{display:block;margin:0 auto;max-width:none}
.graph.snug svg{max-width:100%;height:auto}
.graph.near svg{max-width:100%;height:auto;min-width:360px}
.graph.fit svg{max-width:100%;height:auto;min-width:min(100%,860px)}
.down{display:none}
.node rect{fill:var(--panel);stroke:var(--line);stroke-width:1.2}
.node .stripe{stroke:none;fill:var(--second)}
.node.good .stripe{fill:var(--good)}.node.warn .stripe{fill:var(--warn)}.node.bad .stripe{fill:var(--bad)}.node.reused .stripe{fill:var(--accent)}
.node.bad .box{stroke:var(--bad);stroke-width:1.8}
.node.skipped .box{stroke-dasharray:4 3}
.node.outside .box{fill:var(--ground);stroke-dasharray:2 3}
.node .sign{font-size:13px;font-weight:700}
.node.good .sign{fill:var(--good)}.node.warn .sign{fill:var(--warn)}.node.bad .sign{fill:var(--bad)}.node.reused .sign{fill:var(--accent)}
.node .name{font-weight:600;font-size:12.5px}
.node .fact{fill:var(--soft);font-size:11.5px}
.edge{fill:none;stroke:var(--second);stroke-width:1.3;opacity:.75}
.arrow{fill:var(--second)}
a:hover .box{stroke:var(--accent)}
svg text{fill:var(--ink);font-family:inherit}
.key{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;list-style:none;margin:.8rem 0 0;padding:0;font-size:.86rem;color:var(--soft)}
.timeline{list-style:none;margin:0;padding:0}
.timeline>li{border-bottom:1px solid var(--line)}
.timeline>li:last-child{border-bottom:0}
.timeline details{margin:0}
.timeline summary{width:auto;color:inherit;display:grid;grid-template-columns:1.1rem minmax(8rem,15rem) minmax(0,1fr) 5.2rem 6.2rem;gap:.7rem;align-items:center;padding:.42rem .2rem;list-style:none}
.timeline summary::-webkit-details-marker{display:none}
.timeline summary:hover{background:var(--ground)}
.timeline .who{min-width:0;overflow-wrap:anywhere}
.timeline .who small{display:inline-block;white-space:nowrap;color:var(--soft);font-size:.84em;margin-left:.45em}
.timeline .body{padding:.1rem .2rem .9rem 2rem}
.timeline svg{display:block;width:100%;height:12px;overflow:visible}
.rail{fill:var(--grid)}
.bar{fill:var(--second)}.bar.good{fill:var(--good)}.bar.warn{fill:var(--warn)}.bar.bad{fill:var(--bad)}.bar.reused{fill:var(--accent)}.bar.main{fill:var(--accent)}
.sign{font-weight:700;text-align:center}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,310px),1fr));gap:1rem;margin:1rem 0}
figure{margin:0;background:var(--panel);border:1px solid var(--line);border-radius:12px;padding:1rem 1.1rem;min-width:0;display:flex;flex-direction:column}
figure svg.chart{display:block;width:100%;max-width:440px;height:auto;margin:.5rem auto .2rem}
figure details{margin-top:auto;padding-top:.5rem}
figcaption{color:var(--soft);font-size:.86rem;margin:.3rem 0 0}
figure.wide{grid-column:1/-1}
@media (min-width:1060px){figure.wide{grid-column:span 2}}
.chart text{font-size:12.5px;fill:var(--soft)}
.chart .label{font-size:13px;fill:var(--ink)}
.chart .gridline{stroke:var(--grid);stroke-width:1}
.chart .axis{stroke:var(--second);stroke-width:1}
.chart .line{fill:none;stroke-width:2.2;stroke-linejoin:round;stroke-linecap:round}
.chart .one{stroke:var(--accent)}.chart .two{stroke:var(--second)}
.chart .line.two{stroke-width:1.6;stroke-dasharray:5 4}
.chart .dot{fill:var(--accent);fill-opacity:.85;stroke:var(--panel);stroke-width:1.2}
.chart .band{fill:var(--accent);fill-opacity:.13;stroke:var(--accent);stroke-opacity:.35;stroke-width:1}
.chart .dot.bad{fill:var(--bad);fill-opacity:1}.chart .dot.warn{fill:var(--warn);fill-opacity:1}.chart .dot.second{fill:var(--second)}
.chart .column{fill:var(--accent);fill-opacity:.82}
.chart .outline{fill:none;stroke:var(--ink);stroke-width:1.6}
.legend{display:flex;flex-wrap:wrap;gap:.15rem 1rem;list-style:none;padding:0;margin:.4rem 0 0;font-size:.84rem;color:var(--soft)}
.legend svg{width:18px;height:10px;margin-right:.4rem;vertical-align:baseline}
.legend .line{fill:none;stroke-width:2.2}.legend .one{stroke:var(--accent)}.legend .two{stroke:var(--second);stroke-dasharray:5 3}
.legend .column{fill:var(--accent);fill-opacity:.82}.legend .outline{fill:none;stroke:var(--ink);stroke-width:1.6}
.ranks{display:grid;grid-template-columns:minmax(6rem,max-content) minmax(3rem,1fr) max-content;gap:.3rem .9rem;align-items:center;margin:.7rem 0 .2rem;padding:0;font-size:.9rem}
.ranks dt,.ranks dd{margin:0;min-width:0;overflow-wrap:anywhere;max-width:18rem}
.ranks dd svg{display:block;width:100%;height:12px}
.ranks .track{max-width:none}
.confusion td,.confusion tbody th,.confusion thead th{padding:.5rem .8rem}
.confusion th{white-space:nowrap}
.confusion td{text-align:right;border:1px solid var(--line)}
.confusion small{display:block;color:inherit}
.heat1{background:rgba(var(--heat),.05)}.heat2{background:rgba(var(--heat),.1)}.heat3{background:rgba(var(--heat),.15)}.heat4{background:rgba(var(--heat),.2)}.heat5{background:rgba(var(--heat),.25)}
.card h4,.card h5{margin:1rem 0 .3rem;font-size:.95rem}
.card ul{margin:.3rem 0;padding-left:1.2rem}
.grid th,.grid td{vertical-align:middle;border-bottom:1px solid var(--panel)}
.grid thead th{border-bottom:1px solid var(--line)}
.grid tbody th{position:sticky;left:0;background:var(--panel);font-weight:600;padding-right:1.1rem}
.grid thead th:first-child{position:sticky;left:0;background:var(--panel)}
.grid .cell{padding:.42rem .6rem;white-space:nowrap;border-right:2px solid var(--panel)}
.grid thead .cell{border-right:0;white-space:normal;width:5.6rem;vertical-align:bottom}
.grid td:last-child{width:100%}
.grid td small{display:block;font-size:.86em}
.grid .cell+td:not(.cell),.grid .cell+th:not(.cell){padding-left:1rem}
.grid td.cell a{color:inherit;text-decoration-color:var(--second);display:block}
.grid td.good{background:var(--good-ground)}.grid td.warn{background:var(--warn-ground)}.grid td.bad{background:var(--bad-ground)}.grid td.running{background:var(--calm-ground)}
footer{margin-top:3rem;padding-top:1rem;border-top:1px solid var(--line);color:var(--soft);font-size:.86rem}
@media (max-width:720px){
.across{display:none}.down{display:block}
.timeline summary{grid-template-columns:1.1rem minmax(0,1fr) 4.6rem;gap:.15rem .6rem}
.timeline summary>.track{grid-column:2/-1;grid-row:2}
.timeline summary>.rows{grid-column:2/-1;grid-row:3;text-align:left}
.timeline .body{padding-left:.2rem}
dl.facts{grid-template-columns:minmax(0,6.6rem) minmax(0,1fr);gap:.3rem .8rem}
.tiles{grid-template-columns:1fr 1fr}.tiles dd{font-size:1.1rem}
.ranks{grid-template-columns:minmax(0,1fr) max-content}.ranks .track{grid-column:1/-1;margin-bottom:.3rem}.ranks dt{max-width:none}
.ranks dt{grid-column:1}.ranks .n{grid-column:2}}
@media print{
:root{--ground:#fff;--panel:#fff;--ink:#000;--soft:#444;--line:#bbb;--grid:#ddd;--code:#f3f3f3;--accent:#1f57c3;--second:#5d6b7c;--good:#14703f;--warn:#875300;--bad:#b2271d;
--good-ground:#fff;--warn-ground:#fff;--bad-ground:#fff;--calm-ground:#fff;color-scheme:light}
body{font-size:10.5pt}nav{display:none}.page{max-width:none;padding:0}
figure,.verdict,.tiles,.graph,tr,li{break-inside:avoid}h2,h3,h4,h3+p,caption{break-after:avoid}
.panel{-webkit-box-decoration-break:clone;box-decoration-break:clone}
section>details:not([open]),.panel>details:not([open]),figure details:not([open]){display:none}
.grid tbody th,.grid thead th:first-child{position:static}.grid{font-size:.66rem;break-inside:avoid}.grid thead th{font-size:inherit;white-space:normal}.grid thead .cell{width:auto}.grid td:last-child{width:auto}
.grid .cell{padding:.3rem .35rem .3rem 0}.grid .cell+td:not(.cell),.grid .cell+th:not(.cell){padding-left:.2rem}.grid td small{white-space:normal}
.graph svg{max-width:100%;height:auto}.scroll,.graph{overflow:visible}.chip{border:1px solid currentColor}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
)css");
}

}  // namespace headrace
