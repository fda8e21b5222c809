"""The style sheet of the report: dark and light, 320 to 1440 px, print and forced colours."""

from __future__ import annotations

from engram.pipeline.page.tokens import HUES, LEVELS, declared

BASE = """
:root{--raise:inset 1px 1px 0 var(--bevel),8px 8px 20px var(--lo),-6px -6px 16px var(--hi);
--raise-s:inset 1px 1px 0 var(--bevel),2px 2px 6px var(--lo),-2px -2px 5px var(--hi);
--press:inset 2px 2px 6px var(--lo),inset -2px -2px 4px var(--hi);
--sans:'Inter','Inter Variable',system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;
--head:'Space Grotesk','Space Grotesk Variable','Inter','Inter Variable',system-ui,sans-serif;
--mono:'Fira Code','Fira Code VF',ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
*{box-sizing:border-box}
html{background:var(--primary-bg);color:var(--text-primary);font:400 1rem/1.5 var(--sans);
-webkit-text-size-adjust:100%;scroll-padding-top:16px}
body{margin:0}
h1{font:700 2rem/1.15 var(--head);letter-spacing:-.02em;margin:0;overflow-wrap:anywhere}
h2{font:700 1.125rem/1.3 var(--head);letter-spacing:-.01em;margin:0}
h3{font:600 .9375rem/1.3 var(--head);margin:0}
p{margin:0}
a{color:var(--accent-text);text-underline-offset:3px}
code,pre,.mono{font:450 .9rem/1.55 var(--mono)}
.muted,.hint{color:var(--text-muted)}
.hint,.sm{font-size:.8125rem}
.nowrap{white-space:nowrap}
:focus-visible{outline:3px solid var(--focus);outline-offset:2px}
.sr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.skip{position:fixed;left:12px;top:-80px;z-index:10;background:var(--accent);color:var(--on-accent);padding:10px 16px;
border-radius:10px;font-weight:600}
.skip:focus{top:12px}
.icon{flex:none;display:block}
"""

FRAME = """
.shell{display:grid;grid-template-columns:228px minmax(0,1fr);max-width:1440px;margin:0 auto}
.side{position:sticky;top:0;height:100vh;padding:26px 16px;border-right:1px solid var(--hairline);display:flex;
flex-direction:column;gap:20px;overflow-y:auto}
.brand{display:flex;gap:12px;align-items:center;font:700 1.125rem/1 var(--head);letter-spacing:-.02em;padding:0 8px}
.brand i{width:34px;height:34px;border-radius:11px;display:grid;place-items:center;background:var(--secondary-bg);
box-shadow:var(--raise-s);border:1px solid var(--hairline);color:var(--accent-text)}
.side ul{list-style:none;margin:0;padding:0;display:grid;gap:3px}
.side .cap{font:600 .6875rem/1 var(--sans);letter-spacing:.09em;text-transform:uppercase;color:var(--text-muted);
padding:0 12px 8px}
.side li a{display:block;padding:8px 12px;border-radius:11px;color:var(--text-muted);text-decoration:none;
font-size:.9063rem;font-weight:500;border:1px solid transparent}
.side li a:hover,.side li a:focus-visible{color:var(--text-primary);background:var(--secondary-bg);
border-color:var(--hairline)}
.main{min-width:0;padding:24px 32px 56px}
.top{display:flex;align-items:center;gap:12px;margin-bottom:18px;flex-wrap:wrap}
.top .crumb{margin-right:auto;font-size:.875rem;color:var(--text-muted);overflow-wrap:anywhere}
.top .crumb b{color:var(--text-primary);font-weight:500}
.top .brand{display:none}
.themes{display:flex;border:1px solid var(--edge-ui);border-radius:12px;padding:3px;gap:2px;margin:0;
background:var(--well);box-shadow:var(--press)}
.themes label{display:flex;align-items:center;gap:6px;padding:0 11px;min-height:32px;border-radius:9px;cursor:pointer;
font:600 .8125rem/1 var(--sans);color:var(--text-muted);border:1px solid transparent}
.themes input{position:absolute;opacity:0;width:1px;height:1px;margin:0}
.themes input:checked+label{background:var(--secondary-bg);color:var(--text-primary);border-color:var(--edge-ui);
box-shadow:var(--raise-s)}
.themes input:focus-visible+label{outline:3px solid var(--focus);outline-offset:2px}
.grid{display:grid;grid-template-columns:repeat(12,minmax(0,1fr));gap:22px}
.c12{grid-column:span 12}.c7{grid-column:span 7}.c6{grid-column:span 6}.c5{grid-column:span 5}
.card{background:var(--secondary-bg);border:1px solid var(--hairline);border-radius:16px;box-shadow:var(--raise);
padding:20px;min-width:0}
.card>header{display:flex;align-items:baseline;gap:4px 16px;margin-bottom:14px;flex-wrap:wrap}
.card>header h2{margin-right:auto}
.card>p+*,.card>.say+*{margin-top:14px}
.say{max-width:76ch}
.well{background:var(--well);border-radius:10px;box-shadow:var(--press);border:1px solid var(--hairline)}
.empty{padding:18px;color:var(--text-muted);border-radius:10px;border:1px dashed var(--edge-ui)}
footer.foot{margin-top:28px;color:var(--text-muted);font-size:.8125rem}
"""

PARTS = """
.pill{display:inline-flex;align-items:center;gap:6px;font:600 .8125rem/1 var(--sans);border-radius:99px;
padding:6px 12px 6px 9px;white-space:nowrap;background:var(--well);color:var(--text-muted)}
.pill.ok{background:var(--ok-bg);color:var(--ok)}.pill.warn{background:var(--warn-bg);color:var(--warn)}
.pill.bad{background:var(--bad-bg);color:var(--bad)}.pill.run{background:var(--run-bg);color:var(--accent-text)}
.word{display:inline-flex;align-items:center;gap:5px;white-space:nowrap;font-weight:600}
.word.ok{color:var(--ok)}.word.warn{color:var(--warn)}.word.bad{color:var(--bad)}.word.run{color:var(--accent-text)}
.word.idle,.word.done{color:var(--text-muted);font-weight:400}
.hero{margin-bottom:22px}
.hero .meta{display:flex;flex-wrap:wrap;gap:8px 16px;align-items:center;margin-top:12px;font-size:.875rem;
color:var(--text-muted)}
.hero .lead{font:500 1.1875rem/1.5 var(--sans);margin-top:18px;max-width:68ch;text-wrap:pretty}
.hero .lead+p{margin-top:6px;max-width:80ch;color:var(--text-muted)}
.kpis{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:14px;margin:20px 0 0}
.card .kpis{margin:0 0 16px;grid-template-columns:repeat(auto-fit,minmax(140px,1fr))}
.kpi{padding:12px 14px}
.kpi dt{font-size:.8125rem;color:var(--text-muted)}
.kpi dd{margin:2px 0 0;font:700 1.5rem/1.25 var(--head);font-variant-numeric:tabular-nums}
.kpi dd small{display:block;font:400 .8125rem/1.4 var(--sans);color:var(--text-muted);letter-spacing:0}
.gates{list-style:none;margin:0;padding:0;display:grid;grid-template-columns:repeat(7,minmax(0,1fr))}
.gates>li{position:relative;padding-right:12px;min-width:0}
.gates .bar{position:absolute;top:17px;left:40px;right:4px;height:3px;border-radius:3px;background:var(--edge-ui);
opacity:.35}
.gates>li:last-child .bar{display:none}
.gates .past .bar{background:var(--ok);opacity:1}
.gates .node{position:relative;width:36px;height:36px;border-radius:50%;display:grid;place-items:center;
background:var(--secondary-bg);box-shadow:var(--raise-s);border:2px solid var(--edge-ui);color:var(--text-muted);
margin-bottom:12px}
.gates .ok .node{border-color:var(--ok);color:var(--ok)}.gates .warn .node{border-color:var(--warn);color:var(--warn)}
.gates .bad .node{border-color:var(--bad);color:var(--bad)}
.gates .run .node{border-color:var(--accent);color:var(--accent-text)}
.gates .done .node{border-color:var(--ok);color:var(--ok)}
.gates .state{font-size:.8125rem;color:var(--text-muted)}
.gates .state.ok{color:var(--ok)}.gates .state.warn{color:var(--warn)}.gates .state.bad{color:var(--bad)}
.gates .state.run{color:var(--accent-text)}
.gates ul{list-style:none;margin:8px 0 0;padding:0;display:grid;gap:5px;font-size:.8125rem;color:var(--text-muted)}
.gates ul li{display:grid;grid-template-columns:14px minmax(0,1fr);gap:5px;align-items:start;overflow-wrap:anywhere}
.gates ul .icon{margin-top:3px}
.gates ul .ok{color:var(--ok)}.gates ul .bad{color:var(--bad)}
.gates ul b{color:var(--text-primary);font-weight:600;white-space:nowrap}
.scroll{overflow:auto;container-type:inline-size;border-radius:10px;border:1px solid var(--hairline);
background:var(--well)}
.scroll.tall{max-height:460px}
table{border-collapse:collapse;width:100%;font-size:.875rem;font-variant-numeric:tabular-nums}
caption{text-align:left}
th,td{padding:8px 12px;text-align:left;vertical-align:top;border-top:1px solid var(--hairline)}
thead th{border-top:0;font:600 .75rem/1.3 var(--sans);color:var(--text-muted);white-space:nowrap;vertical-align:bottom;
background:var(--well)}
.tall th,.tall td{padding-left:9px;padding-right:9px}
@container (max-width:460px){.bars{display:none}}
.duo .name,.c5 .name{max-width:17ch}
.tall thead th{position:sticky;top:0;z-index:1}
tbody th{font-weight:500}
.r{text-align:right}
td.r{white-space:nowrap}
.name{display:block;max-width:22ch;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.meter{display:block;width:100%;min-width:44px;height:8px;margin-top:7px}
.meter .track{fill:var(--edge-ui);opacity:.28}.meter .fill{fill:var(--c1)}
details{margin-top:14px}
summary{cursor:pointer;font:600 .875rem/1.4 var(--sans);color:var(--accent-text);padding:8px 6px;border-radius:8px;
width:fit-content}
details>summary+*{margin-top:8px}
.code{padding:14px 16px;margin:0;overflow:auto;max-height:560px;white-space:pre;tab-size:2}
.code .k{color:var(--accent-text)}.code .v{color:var(--ok)}
.facts{margin:0;display:grid;gap:0}
.facts>div{display:grid;grid-template-columns:minmax(120px,210px) minmax(0,1fr);gap:2px 16px;padding:9px 0;
border-top:1px solid var(--hairline)}
.facts>div:first-child{border-top:0}
.facts dt{color:var(--text-muted);font-size:.875rem;overflow-wrap:anywhere}
.facts dd{margin:0;overflow-wrap:anywhere}
.facts dd.mono{font-size:.8125rem}
.duo{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:22px}
.duo h3{margin:0 0 8px}
.duo>figure{display:flex;flex-direction:column}
.duo .forest{margin-top:auto}
.duo h3.sub{margin-top:22px}
.duo~.duo{margin-top:22px}
.beyond{margin-top:6px}
.duo h3+.hint{margin-bottom:8px}
.example{white-space:pre-wrap}.facts.tight>div{grid-template-columns:minmax(70px,110px) minmax(0,1fr)}
.cases{list-style:none;margin:0;padding:0;display:grid;gap:12px}
.cases li{padding:12px 14px}.cases audio{width:100%;max-width:340px;height:40px;display:block}
.shots{list-style:none;margin:0;padding:0;display:grid;gap:12px;grid-template-columns:repeat(auto-fill,minmax(min(220px,100%),1fr))}
.shots li{padding:10px;display:grid;gap:8px;align-content:start}
.shot{width:100%;height:auto;border-radius:6px;display:block}
.shot rect{fill:none}
.shot .under{stroke:#0e1420;stroke-opacity:.7}
.shot .truth{stroke:#ffffff}
.shot .found{stroke:#4d8bf5}
.case{display:flex;justify-content:space-between;gap:12px;font-size:.875rem;font-variant-numeric:tabular-nums}
.case span{color:var(--text-muted)}
.said{margin:0;padding-left:1.2em;display:grid;gap:4px}
.said li{overflow-wrap:anywhere}
"""

CHARTS = """
figure{margin:0;min-width:0}
figcaption{margin-bottom:12px;max-width:76ch;text-wrap:pretty}
.legend{display:flex;flex-wrap:wrap;gap:6px 18px;list-style:none;margin:0 0 12px;padding:0;font-size:.8125rem}
.legend li{display:flex;align-items:center;gap:8px}
.legend .key{width:30px;height:12px;flex:none;overflow:visible}
.at{overflow:visible}
.plot{display:grid;grid-template-columns:44px minmax(0,1fr);grid-template-rows:var(--tall,280px) 26px auto;
padding:14px 18px 8px 6px}
.plot svg{display:block;width:100%;height:100%;overflow:visible}
.plot .x{grid-column:2}
.plot .xname{grid-column:2;text-align:center;font-size:.8125rem;color:var(--text-muted);line-height:1.3}
.plot.low{--tall:96px;margin-top:12px}
#loss .plot{--tall:430px}
#loss:not(.c7) .plot{--tall:320px}
.plot text,.forest text{font:400 12px var(--sans);fill:var(--text-muted);font-variant-numeric:tabular-nums}
.plot .grid-line,.forest .grid-line{stroke:var(--grid)}
.plot .axis,.forest .axis{stroke:var(--edge-ui)}
.raw{stroke:var(--c1);stroke-width:3.5;stroke-linecap:round;opacity:.38;fill:none;vector-effect:non-scaling-stroke}
.smooth{stroke:var(--c1);stroke-width:2.4;fill:none;stroke-linejoin:round;vector-effect:non-scaling-stroke}
.valid{stroke:var(--c3);stroke-width:2.4;fill:none;stroke-dasharray:7 4;vector-effect:non-scaling-stroke}
.mark{fill:var(--well);stroke:var(--c3);stroke-width:2.2}
.mark.best{fill:var(--c3)}
.cursor{stroke:var(--text-primary);stroke-width:1;visibility:hidden}
.reading{min-height:1.5em;margin-top:8px;font-size:.8125rem;color:var(--text-muted);font-variant-numeric:tabular-nums}
.bin{fill:var(--c1);opacity:.75}.gap{fill:none;stroke:var(--c2);stroke-width:1.5;stroke-dasharray:3 3}
.ideal{stroke:var(--text-muted);stroke-width:1.5;stroke-dasharray:6 5}
#reward .plot{--tall:320px}
.strip{display:grid;grid-template-columns:repeat(auto-fill,minmax(136px,1fr));gap:12px;
list-style:none;margin:12px 0;padding:0}
.strip li{display:grid;gap:4px;font-size:.8125rem;color:var(--text-muted);font-variant-numeric:tabular-nums}
.strip svg{display:block;width:100%;background:var(--well);border-radius:10px}
.ground{stroke:var(--edge-ui);stroke-width:1.5;fill:none}.thing{fill:var(--c1)}
.bone{stroke:var(--c2);stroke-width:4;stroke-linecap:round}
.forest{padding:14px 16px 8px}
.forest svg{display:block;width:100%;overflow:visible}
.forest .label,.forest .value{paint-order:stroke;stroke:var(--well);stroke-width:4px;stroke-linejoin:round}
.forest .label{fill:var(--text-primary);font-weight:600;font-size:13px}
.forest .value{fill:var(--text-primary);font-size:13px}
.ci{stroke:var(--c1);stroke-width:3;stroke-linecap:round}
.dot{fill:var(--c1)}
.base{fill:var(--well);stroke:var(--c2);stroke-width:2.2}
.base2{stroke:var(--text-muted);stroke-width:2.2;fill:none}
.gain{stroke:var(--ok);fill:var(--ok)}.harm{stroke:var(--bad);fill:var(--bad)}
.unsure{stroke:var(--warn);fill:var(--warn)}.known{stroke:var(--c1);fill:var(--c1)}
line.zero{stroke:var(--text-muted);stroke-dasharray:5 4}
.matrix{width:auto;min-width:100%;border-collapse:separate;border-spacing:2px;font-size:.8125rem}
.matrix th,.matrix td{border:0;padding:0}
.matrix td{height:38px;min-width:30px;text-align:center;vertical-align:middle;border-radius:5px}
.matrix tbody th{width:1px;padding:0 10px 0 8px;text-align:right;vertical-align:middle;position:sticky;left:0;
background:var(--well);z-index:1}
.matrix thead th{padding:12px 0 6px;text-align:center;vertical-align:bottom;color:var(--text-primary);
font:500 .8125rem/1 var(--sans)}
.matrix thead .name{writing-mode:vertical-rl;transform:rotate(180deg);max-width:none;max-height:134px;margin:0 auto}
.matrix thead th.corner{text-align:right;padding:8px 10px;color:var(--text-muted);font-weight:400;vertical-align:bottom;
line-height:1.4;position:sticky;left:0;z-index:2}
.matrix .name{max-width:19ch;margin-left:auto}
.matrix .zero{color:var(--text-muted)}
.dense .matrix td{height:26px;min-width:26px;font-size:.75rem}
.ramp{display:inline-flex;border-radius:4px;overflow:hidden;vertical-align:middle}
.ramp i{width:16px;height:12px}
.map{padding:12px;max-width:660px;margin:0 auto}
.map svg{display:block;width:100%;height:auto}
"""

SMALL = """
@media (max-width:1180px){.shell{grid-template-columns:minmax(0,1fr)}.side{display:none}.top .brand{display:flex}
.top .crumb{flex:1 1 100%;order:3}.top .themes{margin-left:auto}}
@media (max-width:1340px){.c7,.c6,.c5{grid-column:span 12}#loss .plot,#loss:not(.c7) .plot{--tall:340px}}
@media (max-width:1100px){.gates{grid-template-columns:minmax(0,1fr);gap:18px}
.gates>li{display:grid;grid-template-columns:36px minmax(0,1fr);gap:0 14px;padding:0}
.gates .node{margin:0}.gates>li>div{grid-column:2}.gates>li>.node{grid-column:1;grid-row:1}
.gates .bar{top:40px;bottom:-14px;left:17px;right:auto;width:3px;height:auto}}
@media (max-width:760px){.main{padding:16px 16px 40px}.card{padding:16px}.grid{gap:16px}h1{font-size:1.625rem}
.hero .lead{font-size:1.0625rem}.duo{grid-template-columns:minmax(0,1fr)}.kpis{grid-template-columns:1fr 1fr;gap:10px}
.card .kpis{grid-template-columns:1fr 1fr;gap:10px}.kpi dd{font-size:1.25rem}
.facts>div,.facts.tight>div{grid-template-columns:minmax(0,1fr)}
.plot,#loss .plot,#loss:not(.c7) .plot{--tall:220px;padding-right:14px}.plot.low{--tall:80px}.name{max-width:16ch}
.themes label{padding:0 11px;min-height:40px}.themes label span{position:absolute;width:1px;height:1px;overflow:hidden;
clip-path:inset(50%)}
summary{padding:11px 6px}th,td{padding:8px 9px}
.matrix th,.matrix td{padding:0}.matrix .name{max-width:9ch}
.stack,.stack tbody,.stack td,.stack th{display:block}
.stack thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.stack tr{display:grid;grid-template-columns:repeat(3,minmax(0,1fr));gap:6px 12px;padding:14px;
border-top:1px solid var(--hairline)}
.stack tr:first-child{border-top:0}
.stack th,.stack td{border:0;padding:0;text-align:left;white-space:normal;overflow-wrap:anywhere}
.stack tbody th,.stack td:last-child,.stack td[data-label="Metric"]{grid-column:1/-1}
.stack td[data-label="Metric"]{font-weight:600;margin-top:-6px}.stack td[data-label="Metric"]::before{display:none}
.stack .name{white-space:normal;max-width:none}
.stack td::before{content:attr(data-label);display:block;font-size:.75rem;color:var(--text-muted)}
.tall th,.tall td{padding-left:6px;padding-right:6px}
.scroll:not(:has(.matrix)) .name{white-space:normal;overflow-wrap:anywhere;max-width:13ch}
.scroll .stack .name{max-width:none}
.stack td.none{display:none}}
@media (max-width:430px){.forest .odd{display:none}}
@media (max-width:375px){.forest .ends{display:none}}
"""

LAST = """
@media (forced-colors:active){.card,.well,.scroll,.pill,.themes label{border:1px solid CanvasText}
.matrix td,.ramp i,.plot,.forest,.meter,.map{forced-color-adjust:none}.matrix td{border:1px solid CanvasText}}
@media (prefers-reduced-motion:no-preference){html{scroll-behavior:smooth}}
@media print{@page{margin:14mm}html{font-size:10pt;background:#fff}#loss .plot,#loss:not(.c7) .plot{--tall:260px}
.hero .kpis{grid-template-columns:repeat(4,1fr)}
.side,.themes,.skip,.reading{display:none}.shell{display:block}
.main{padding:0}.card{box-shadow:none;break-inside:avoid;border-color:var(--edge-ui)}
.card.long{break-inside:auto}.grid{gap:12px}.scroll,.scroll.tall,.code{max-height:none;overflow:visible}
.code{white-space:pre-wrap;overflow-wrap:anywhere}.tall thead th,.matrix tbody th{position:static}tr{break-inside:avoid}
details::details-content{content-visibility:visible;block-size:auto}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
"""


def sheet() -> str:
    """Return the whole style sheet.

    The theme follows the system unless a radio button of the page asks otherwise; a browser without ``:has`` ignores
    only the last two rules. Paper is always light.
    """
    dark, light = declared("dark"), declared("light")
    themes = (
        f":root{{{dark}}}"
        f"@media (prefers-color-scheme:light){{:root{{{light}}}}}"
        f"@media screen{{:root:has(#theme-dark:checked){{{dark}}}:root:has(#theme-light:checked){{{light}}}}}"
        f"@media print{{:root{{{light}}}}}"
    )
    return themes + BASE + FRAME + PARTS + CHARTS + _shades() + SMALL + LAST


def _shades() -> str:
    names = [f"{hue}-{level}" for hue in HUES for level in range(1, LEVELS + 1)]
    return "".join(f".{n}{{background:var(--{n});fill:var(--{n});color:var(--on-{n})}}" for n in names)
