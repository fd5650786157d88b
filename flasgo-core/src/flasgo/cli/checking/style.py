"""How the report looks."""

from __future__ import annotations

__all__ = ["REPORT_STYLE"]

REPORT_STYLE = """
:root{color-scheme:light dark;--bg:#f5f6f8;--card:#fff;--fg:#171a1f;--soft:#596170;--line:#dbdfe6;
--accent:#2456b8;--error:#b3261e;--errorbg:#fbe9e7;--warning:#8a5300;--warningbg:#fdf1dc;
--info:#2456b8;--infobg:#e8effc;--code:#f1f3f6}
@media (prefers-color-scheme:dark){:root{--bg:#101216;--card:#181b21;--fg:#eceff4;--soft:#a1a9b8;
--line:#2c313a;--accent:#8ab4ff;--error:#ff8a80;--errorbg:#3a1b1a;--warning:#ffc069;
--warningbg:#362610;--info:#8ab4ff;--infobg:#1a2740;--code:#20242c}}
*{box-sizing:border-box}
html{background:var(--bg);-webkit-text-size-adjust:100%;scroll-padding-top:1rem}
body{margin:0;color:var(--fg);font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",sans-serif}
code,.code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;
font-size:.875em}
header,main,footer{width:100%;max-width:72rem;margin:0 auto;padding:0 clamp(1rem,4vw,2rem)}
header{padding-top:2.25rem}
header p{margin:0;color:var(--soft);overflow-wrap:anywhere}
h1{margin:0 0 .25rem;font-size:clamp(1.5rem,4.5vw,2.1rem);line-height:1.2;letter-spacing:-.015em}
h2{margin:0 0 .25rem;font-size:1.25rem;letter-spacing:-.01em}
h2 small{font-weight:400;color:var(--soft);font-size:.875rem}
h3{margin:0;font-size:1rem;line-height:1.45;font-weight:600;overflow-wrap:anywhere}
.counts{display:flex;flex-wrap:wrap;gap:.6rem;margin:1.25rem 0 0;padding:0;list-style:none}
.counts li{padding:.5rem .9rem;border-radius:.6rem;border:1px solid var(--line);
background:var(--card);color:var(--soft)}
.counts b{color:var(--fg);font-size:1.15rem;padding-right:.3rem;font-variant-numeric:tabular-nums}
.counts .error b{color:var(--error)}
.counts .warning b{color:var(--warning)}
.counts .info b{color:var(--info)}
nav{display:flex;flex-wrap:wrap;gap:.4rem;margin-top:1.25rem}
nav a{padding:.35rem .75rem;border:1px solid var(--line);border-radius:99rem;text-decoration:none;
font-size:.875rem;color:var(--soft);background:var(--card)}
nav a:hover{color:var(--fg);border-color:var(--soft)}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:.25rem}
section{padding-top:2.25rem}
.about{margin:0 0 .8rem;color:var(--soft);font-size:.925rem}
.card{border:1px solid var(--line);border-radius:.7rem;background:var(--card);padding:1rem 1.1rem}
.card+.card{margin-top:.7rem}
.finding{border-left-width:.3rem}
.finding.error{border-left-color:var(--error)}
.finding.warning{border-left-color:var(--warning)}
.finding.info{border-left-color:var(--info)}
.top{display:flex;flex-wrap:wrap;gap:.5rem;align-items:center;margin:0 0 .45rem}
.level{padding:.05rem .5rem;border-radius:.3rem;font-size:.75rem;font-weight:700;
text-transform:uppercase;letter-spacing:.04em}
.error>.top .level{background:var(--errorbg);color:var(--error)}
.warning>.top .level{background:var(--warningbg);color:var(--warning)}
.info>.top .level{background:var(--infobg);color:var(--info)}
.top code{color:var(--soft)}
dl{margin:.6rem 0 0;display:grid;grid-template-columns:minmax(4rem,10rem) 1fr;gap:.3rem 1rem;
font-size:.925rem}
.finding dl{grid-template-columns:4rem 1fr}
dt{color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere}
.reach h3 small{font-weight:400;color:var(--soft);font-size:.875rem}
.reach dd{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;
font-size:.8125rem;line-height:1.6}
.wide{overflow-x:auto;border:1px solid var(--line);border-radius:.7rem;background:var(--card)}
table{border-collapse:collapse;width:100%;font-size:.875rem}
th,td{text-align:left;vertical-align:top;padding:.5rem .9rem;overflow-wrap:anywhere}
th{color:var(--soft);font-weight:600;white-space:nowrap;border-bottom:1px solid var(--line)}
tr+tr td{border-top:1px solid var(--line)}
td:first-child{overflow-wrap:normal;min-width:8rem}
tr.flag td{background:var(--warningbg)}
tr.flag td:first-child{box-shadow:inset .25rem 0 var(--warning)}
.none{margin:0;padding:.75rem 1rem;color:var(--soft);border:1px dashed var(--line);
border-radius:.7rem}
details>summary{cursor:pointer;padding:.2rem 0 .6rem}
details>summary h2{display:inline}
footer{padding-top:2.5rem;padding-bottom:2.5rem;color:var(--soft);font-size:.875rem}
@media (max-width:44rem){
dl,.finding dl{grid-template-columns:1fr;gap:0 0}
dd+dt{margin-top:.5rem}
dt{font-size:.8125rem}
.wide{overflow:hidden}
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
table,tbody,tr,td{display:block}
tr{padding:.55rem .9rem}
tr+tr{border-top:1px solid var(--line)}
tr+tr td,td{border:0;padding:.1rem 0;min-width:0}
td::before{content:attr(data-of);display:block;color:var(--soft);font-size:.75rem}
td:first-child{font-weight:600}
td:first-child::before{display:none}
tr.flag{background:var(--warningbg);box-shadow:inset .25rem 0 var(--warning)}
tr.flag td:first-child{box-shadow:none}
td:empty{display:none}
section{padding-top:1.75rem}}
@media print{nav{display:none}html{background:#fff}.card,.wide{break-inside:avoid}}
@media (prefers-reduced-motion:no-preference){html{scroll-behavior:smooth}}
"""
