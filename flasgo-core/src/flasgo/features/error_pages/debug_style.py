"""How the debug page looks."""

from __future__ import annotations

__all__ = ["DEBUG_STYLE"]

DEBUG_STYLE = """
:root{color-scheme:light dark;--bg:#f6f5f2;--card:#fff;--fg:#1c1b1a;--soft:#66615a;--line:#dfdbd4;
--accent:#b3401a;--tint:#fbe9df;--mark:#f3b795;--code:#faf9f7;--head:#211d1a;--headfg:#fbf6f1;
--headsoft:#c9beb4;--glow:#7a2f12}
@media (prefers-color-scheme:dark){:root{--bg:#141312;--card:#1c1a19;--fg:#efebe6;--soft:#a39c93;
--line:#33302c;--accent:#ff9466;--tint:#3a2318;--mark:#8a4526;--code:#181615;--head:#1f1a17}}
*{box-sizing:border-box}
html{background:var(--bg);-webkit-text-size-adjust:100%;scroll-padding-top:1rem}
body{margin:0;color:var(--fg);font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",sans-serif}
code,pre,.kind,.where,.fn,.file,dt,dd,.source{font-family:ui-monospace,SFMono-Regular,Menlo,
Consolas,"Liberation Mono",monospace}
a{color:inherit}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:.25rem}
.in,main,footer{width:100%;max-width:68rem;margin:0 auto;padding:0 clamp(1rem,4vw,2rem)}
header{background:radial-gradient(50rem 20rem at 85% -6rem,var(--glow),transparent) var(--head);
color:var(--headfg);padding:1.75rem 0 1.25rem}
header p{margin:0}
.where{display:flex;gap:.6rem;align-items:baseline;color:var(--headsoft);font-size:.9rem;
overflow-wrap:anywhere}
.where b{color:var(--head);background:var(--headsoft);border-radius:.3rem;padding:.05rem .45rem;
font-size:.78rem}
.kind{padding-top:1.4rem;font-weight:700;color:#ff9e73;overflow-wrap:anywhere}
.kind span{opacity:.65;font-weight:400}
h1{margin:.3rem 0 1.1rem;font-size:clamp(1.35rem,4.6vw,2.1rem);line-height:1.25;font-weight:700;
letter-spacing:-.015em;white-space:pre-wrap;overflow-wrap:anywhere;max-height:16rem;overflow:auto}
h1.long{font-size:clamp(1.1rem,3vw,1.35rem);line-height:1.4}
h1 i{opacity:.6;font-weight:400}
.blame{display:block;margin:0 0 1.1rem!important;padding:.7rem .9rem;border-radius:.5rem;
background:#ffffff14;border-left:.25rem solid #ff9e73;overflow-wrap:anywhere}
nav{display:flex;flex-wrap:wrap;gap:.4rem}
nav a{padding:.35rem .75rem;border:1px solid #ffffff2e;border-radius:99rem;text-decoration:none;
font-size:.875rem;color:var(--headsoft)}
nav a:hover{background:#ffffff1a;color:var(--headfg)}
section{padding-top:2.25rem}
h2{margin:0 0 .8rem;font-size:1.2rem;letter-spacing:-.01em}
h2 small{font-weight:400;font-size:.875rem;color:var(--soft);padding-left:.35rem}
h3{margin:1.5rem 0 .5rem;font-size:.95rem}
.relation{margin-top:1.9rem;color:var(--soft);font-weight:600}
.relation code{color:var(--accent)}
.message{margin:0 0 .7rem;white-space:pre-wrap;overflow-wrap:anywhere}
.none{margin:.5rem 0;color:var(--soft);font-size:.925rem}
ol,ul{list-style:none;margin:0;padding:0}
.frames{border:1px solid var(--line);border-radius:.7rem;overflow:hidden;background:var(--card)}
.frames>li+li{border-top:1px solid var(--line)}
.frames>.none{padding:.6rem 1rem;margin:0}
summary{cursor:pointer;list-style:none}
summary::-webkit-details-marker{display:none}
.frames summary{display:flex;flex-wrap:wrap;gap:.1rem .9rem;align-items:baseline;
padding:.65rem 1rem .65rem 2rem;position:relative;min-height:2.75rem}
.frames summary:hover,.group>summary:hover{background:var(--tint)}
.frames summary::before,.group>summary::before{content:"";position:absolute;left:.95rem;top:1.1rem;
border:.28rem solid transparent;border-left-color:var(--soft);border-right:0}
details[open]>summary::before{transform:rotate(90deg)}
.frames summary:focus-visible,.group>summary:focus-visible{outline-offset:-2px}
.fn{font-weight:700;font-size:.925rem;overflow-wrap:anywhere}
.library .fn{font-weight:500;color:var(--soft)}
.file{font-size:.8125rem;color:var(--soft);overflow-wrap:anywhere}
.own .file b{color:var(--fg)}
.frames summary small{margin-left:auto;color:var(--soft);font-size:.75rem}
.source{overflow-x:auto;background:var(--code);border-top:1px solid var(--line);padding:.5rem 0;
font-size:.8125rem;line-height:1.65;tab-size:4}
.source li{display:flex;min-width:max-content;padding-right:1rem}
.source i{flex:none;width:3.6rem;padding-right:.9rem;text-align:right;font-style:normal;
color:var(--soft);user-select:none;-webkit-user-select:none}
.source code{white-space:pre}
.source .now{background:var(--tint);box-shadow:inset .2rem 0 var(--accent)}
.source .now i{color:var(--accent);font-weight:700}
mark{background:var(--mark);color:inherit;border-radius:.2rem;padding:.05rem 0}
dl{margin:0;border:1px solid var(--line);border-radius:.7rem;background:var(--card);
overflow:hidden;font-size:.8438rem}
dl div{display:grid;grid-template-columns:minmax(11rem,19rem) 1fr;gap:.1rem 1rem;
padding:.42rem 1rem}
dl div+div{border-top:1px solid var(--line)}
dt{color:var(--soft);overflow-wrap:anywhere}
dd{margin:0;overflow-wrap:anywhere;white-space:pre-wrap}
.group{border:1px solid var(--line);border-radius:.7rem;background:var(--card);overflow:hidden}
.group+.group{margin-top:.6rem}
.group>summary{position:relative;padding:.65rem 1rem .65rem 2rem;font-weight:600;
min-height:2.75rem}
.group dl{border:0;border-top:1px solid var(--line);border-radius:0}
.group .none{padding:0 1rem .7rem 2rem}
pre{margin:0;padding:1rem;overflow:auto;max-height:32rem;font-size:.8125rem;line-height:1.6;
background:var(--code);border-top:1px solid var(--line)}
.plugins{display:grid;gap:.6rem;grid-template-columns:repeat(auto-fill,minmax(min(100%,17rem),1fr))}
.plugins li{display:grid;gap:.1rem;align-content:start;padding:.75rem 1rem;
border:1px solid var(--line);border-radius:.7rem;background:var(--card);overflow-wrap:anywhere}
.plugins span,.plugins small{color:var(--soft);font-size:.8438rem}
.plugins small{font-size:.78rem}
.plugins .guilty{border-color:var(--accent);background:var(--tint)}
footer{padding-top:2.5rem;padding-bottom:2.5rem;color:var(--soft);font-size:.875rem}
@media (max-width:40rem){dl div{grid-template-columns:1fr;padding:.5rem .9rem}
dt{font-size:.78rem}
.frames summary{padding-right:.9rem}
.file span{display:none}
.frames summary small{margin-left:0}
.source{font-size:.75rem}
.source i{width:2.9rem;padding-right:.7rem}
section{padding-top:1.75rem}}
@media (prefers-reduced-motion:no-preference){html{scroll-behavior:smooth}}
"""
