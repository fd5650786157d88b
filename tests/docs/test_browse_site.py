"""The look at the site in Chromium finds what it is there for; `.ci/run` looks at the site."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pages.browser import EXECUTABLE, Page, browser

ROOT = Path(__file__).resolve().parents[2]
LOOK = runpy.run_path(str(ROOT / "docs" / "browse_site.py"))
GOOD = """<!doctype html><html lang="en"><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width"><body style="color:#222;background:#fff">
<article><h1>One</h1><h2>Two</h2><p>Text</p><img src="data:image/gif;base64,R0lGODlhAQABAAAAACw="
alt="A dot"><label>Name <input name="n"></label><button>Send</button></article>"""
FAULTS = {
    "console": ("</article>", "<script>throw Error('broken')</script></article>"),
    "elsewhere": ("<h2>", "<img src='http://127.0.0.1:9/x.png' alt='x'><h2>"),
    "contrast": ("<p>", "<p style='color:#999'>"),
    "headings": ("h2>", "h3>"),
    "title": ("<h1>One</h1>", ""),
    "label": ("<label>Name <input name='n'></label>".replace("'", '"'), "<input name='n'>"),
    "picture": ('alt="A dot"', 'width="9" height="9"'),
    "sideways": ("<p>", "<p style='width:900px;overflow:hidden'>"),
}
SAID = {
    "console": "the console says",
    "elsewhere": "it loads http://127.0.0.1:9/x.png",
    "contrast": "contrast: P  Text: 2.85",
    "headings": "headings: h3 Two",
    "title": "headings: not exactly one h1",
    "label": "no name: <input",
    "picture": "no name: <img",
    "sideways": "it scrolls sideways",
}

pytestmark = pytest.mark.skipif(EXECUTABLE is None, reason="chromium is not installed")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    site = tmp_path_factory.mktemp("site")
    (site / "good.html").write_text(GOOD)
    (site / "index.html").write_text(GOOD)
    for name, (old, new) in FAULTS.items():
        assert old in GOOD, name
        (site / f"{name}.html").write_text(GOOD.replace(old, new))
    with LOOK["served"](site) as address:
        yield address


def test_a_good_page_has_no_faults(page: Page, address: str) -> None:
    page.open(f"{address}/good.html", width=390, height=844)
    assert list(LOOK["faults_of"](page, address)) == []


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found(page: Page, address: str, name: str) -> None:
    page.open(f"{address}/{name}.html", width=390, height=844)
    found = list(LOOK["faults_of"](page, address))
    assert any(SAID[name] in fault for fault in found), found


def test_a_search_that_finds_nothing_is_a_fault(page: Page, address: str) -> None:
    # The page of this test has a field, and nothing that searches.
    (fault,) = LOOK["search_faults"](page, address)
    assert "does not find" in fault


def test_ci_looks_at_the_site_that_it_has_built() -> None:
    assert 'python docs/browse_site.py "$SCRATCH/site/site"' in (ROOT / ".ci/run").read_text()
