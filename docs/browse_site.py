# ruff: noqa: E501 - the scripts are read more easily in long lines
"""Looks at the pages of the built site in Chromium, wide and narrow, light and dark.

    uv run --group docs python docs/browse_site.py build/docs/site [--pictures FOLDER]

What it finds ends it with status 1: errors of the console, requests to other hosts, text with too little
contrast, headings that skip a level, fields and buttons without a name, pictures without a description,
pages that scroll sideways, and a search that finds nothing.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import itertools
import json
import re
import sys
import tempfile
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.pages.browser import Page, browser  # noqa: E402 - the path above finds it

PAGES = (
    "index.html",
    "tutorial/4-errors.html",
    "guides/deployment.html",
    "why.html",
    "settings.html",
    "reference/flasgo.html",
)
SIZES = ((1280, 900), (390, 844))
SEARCH = ("ratelimit", "Quotas")
"""A word to search for, and what a result of it says."""

# WCAG 2.2 AA: 4.5 to 1, and 3 to 1 for large text. Colours of code are those of the theme.
FAINT = """(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
  const rgba = text => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = rgb => rgb.slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const over = (front, back) => front.slice(0, 3)
    .map((v, i) => (v * front[3] + back[i] * (255 - front[3])) / 255);
  const behind = node => {
    const layers = [];
    for (let at = node; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((back, front) => over(front, back), [255, 255, 255]);
  };
  const faint = new Set();
  for (const node of document.body.querySelectorAll("main *, nav *, article *")) {
    const own = [...node.childNodes].some(c => c.nodeType === 3 && c.textContent.trim());
    if (!own || !node.checkVisibility({checkOpacity: true, checkVisibilityCSS: true})) continue;
    if (node.closest("[hidden], [aria-hidden=true]")) continue;
    const style = getComputedStyle(node), back = behind(node);
    const front = over(rgba(style.color), back);
    const [a, b] = [light(front), light(back)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const large = parseFloat(style.fontSize) >= 24;
    if (ratio < (large ? 3 : 4.5))
      faint.add(`${node.tagName} ${node.className} ${node.textContent.trim().slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return [...faint].slice(0, 5);
})()"""
HEADINGS = """(() => {
  const levels = [...document.querySelectorAll("article h1, article h2, article h3, article h4, article h5")]
    .map(each => [+each.tagName[1], each.textContent.trim().slice(0, 40)]);
  const found = levels.filter(([level], i) => level > (i ? levels[i - 1][0] : 0) + 1)
    .map(([level, text]) => `h${level} ${text}`);
  if (levels.filter(([level]) => level === 1).length !== 1) found.push("not exactly one h1");
  return found;
})()"""
UNNAMED = """[...document.querySelectorAll("input:not([type=hidden]), textarea, select, button, a[href], img")]
  .filter(each => each.checkVisibility({checkVisibilityCSS: true}) && each.offsetWidth)
  .filter(each => {
    if (each.tagName === "IMG") return !each.hasAttribute("alt");
    const label = each.getAttribute("aria-label") || each.getAttribute("title") || each.labels?.length
      || each.getAttribute("aria-labelledby");
    return !(label || each.textContent.trim() || each.placeholder
      || each.querySelector("img[alt]:not([alt=''])"));
  }).map(each => each.outerHTML.slice(0, 90))"""
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base
        """Write nothing."""


@contextmanager
def served(site: Path) -> Generator[str]:
    """Serve a folder on a free port; yield its address.

    Args:
        site: The folder.
    """
    handler = functools.partial(_Quiet, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def faults_of(page: Page, address: str) -> Iterator[str]:
    """Yield what is wrong with the page that is open.

    Args:
        page: The tab.
        address: The address of the site; requests to others are faults.
    """
    for complaint in page.complaints:
        # A box that only a script uses needs no name: nothing is sent.
        if "FormEmptyIdAndNameAttributesForInputError" not in complaint:
            yield f"the console says: {complaint[:300]}"
    loaded = page.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
    for url in loaded:
        if not url.startswith((address, "data:", "blob:")):
            yield f"it loads {url}"
    for name, script in (("contrast", FAINT), ("headings", HEADINGS), ("no name", UNNAMED)):
        for found in page.evaluate(script):
            yield f"{name}: {found}"
    if page.evaluate(SIDEWAYS) > 0:
        yield "it scrolls sideways"


def search_faults(page: Page, address: str) -> Iterator[str]:
    """Yield what is wrong with the search: it has to work without a network.

    Args:
        page: The tab.
        address: The address of the site.
    """
    word, expected = SEARCH
    page.open(f"{address}/index.html")
    found = page.evaluate(
        _SEARCH_SCRIPT.replace("WORD", json.dumps(word)).replace("EXPECTED", json.dumps(expected))
    )
    if expected not in found:
        yield f"the search for {word!r} does not find {expected!r}: {found[:300]!r}"


_SEARCH_SCRIPT = """(async () => {
  const pause = () => new Promise(done => setTimeout(done, 100));
  const text = root => [...root.querySelectorAll("*")]
    .reduce((sum, each) => sum + (each.shadowRoot ? text(each.shadowRoot) : ""), root.textContent || "");
  const field = root => root.querySelector("input[type=search], input[role=combobox], input[placeholder*=earch]")
    || [...root.querySelectorAll("*")].reduce((found, each) => found || each.shadowRoot && field(each.shadowRoot), null);
  document.querySelector("button.md-search__button, [for=__search], [data-md-component=search] button")?.click();
  let box = null, said = "";
  for (let i = 0; i < 30 && !box; i++) { await pause(); box = field(document); }
  if (!box) return "there is no search field";
  for (let i = 0; i < 100 && !said.includes(EXPECTED); i++) {
    if (i % 10 === 0) {
      box.focus(); box.value = WORD;
      box.dispatchEvent(new InputEvent("input", {bubbles: true, composed: true}));
      box.dispatchEvent(new KeyboardEvent("keyup", {bubbles: true, composed: true}));
    }
    await pause();
    const root = box.getRootNode();
    said = text(root === document ? document.querySelector("[data-md-component=search], .md-search, dialog") || document.body : root);
  }
  return said.replace(/\\s+/g, " ");
})()"""


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Look at the built site in Chromium.")
    parser.add_argument("site", type=Path)
    parser.add_argument("--pictures", type=Path, help="where to save what each page looks like")
    options = parser.parse_args()
    found: list[str] = []
    with (
        served(options.site) as address,
        tempfile.TemporaryDirectory() as profile,
        browser(Path(profile)) as page,
    ):
        for name, (width, height), dark in itertools.product(PAGES, SIZES, (False, True)):
            page.open(f"{address}/{name}", width=width, height=height, dark=dark)
            shown = f"{name}, {width} wide, {'dark' if dark else 'light'}"
            found += [f"{shown}: {fault}" for fault in faults_of(page, address)]
            if options.pictures:
                options.pictures.mkdir(parents=True, exist_ok=True)
                file = re.sub(r"\W+", "-", shown) + ".png"
                page.screenshot(options.pictures / file)
        found += search_faults(page, address)
    sys.exit("\n".join(found) if found else 0)


if __name__ == "__main__":
    main()
