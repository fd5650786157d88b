"""The documentation site: which pages it has, where their links lead, and what is refused."""

from __future__ import annotations

import re
import runpy
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SITE = runpy.run_path(str(ROOT / "docs" / "build_site.py"))


def nav_pages(entries: list[object]) -> list[str]:
    """Return the pages of a navigation, in their order."""
    found: list[str] = []
    for entry in entries:
        if isinstance(entry, str):
            found.append(entry)
        elif isinstance(entry, dict):
            for value in entry.values():
                found += nav_pages(value) if isinstance(value, list) else [value]
    return found


def test_every_page_of_the_navigation_exists_and_every_page_is_in_it() -> None:
    config = tomllib.loads((ROOT / "docs" / "zensical.toml").read_text(encoding="utf-8"))
    listed = nav_pages(config["project"]["nav"])
    generated = [f"reference/{name}.md" for name in SITE["REFERENCE"].values()]
    existing = {*SITE["pages"]().values(), *generated}
    assert len(listed) == len(set(listed))
    assert set(listed) <= existing
    missing = {page for page in existing - set(listed) if not page.startswith("examples/")}
    assert missing == set()


def test_links_lead_to_the_same_page_within_the_site() -> None:
    places = SITE["pages"]()
    text = SITE["relinked"](ROOT / "flasgo-security" / "README.md", places)
    assert "](../quotas.md)" in text
    assert "../docs/" not in text


def test_every_picture_is_shown_somewhere_and_small() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in SITE["pages"]())
    for picture in (ROOT / "docs" / "assets").glob("*.png"):
        assert f"assets/{picture.name})" in pages
        assert picture.stat().st_size < 200_000, f"{picture.name} is large for a page"


def test_pictures_are_found_from_pages_outside_of_docs() -> None:
    text = SITE["relinked"](ROOT / "README.md", SITE["pages"]())
    assert "](../assets/tutorial-debug.png)" in text


def test_links_to_files_that_are_no_pages_become_text(tmp_path: Path) -> None:
    page = ROOT / "docs" / "index.md"
    places = dict(SITE["pages"]())
    copy = tmp_path / "page.md"
    copy.write_text("See [the app](app.py).\n\n```\n[code](stays.py)\n```\n", encoding="utf-8")
    places[copy] = places[page]
    assert SITE["relinked"](copy, places) == ("See the app.\n\n```\n[code](stays.py)\n```\n")


def test_the_architecture_page_names_files_that_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    core = ROOT / "flasgo-core" / "src" / "flasgo"
    walk = text[text.index("## From `flasgo run`") : text.index("## The layers")]
    named = re.findall(r"`([\w/]+\.py)`", walk)
    assert len(named) > 15
    missing = [name for name in named if name != "app.py" and not (core / name).exists()]
    assert missing == []


def test_code_that_looks_like_a_link_stays(tmp_path: Path) -> None:
    page = ROOT / "docs" / "index.md"
    places = dict(SITE["pages"]())
    copy = tmp_path / "page.md"
    copy.write_text("`Flasgo[Shop](own=Shop)` in [`app.py`](app.py)\n", encoding="utf-8")
    places[copy] = places[page]
    assert SITE["relinked"](copy, places) == "`Flasgo[Shop](own=Shop)` in `app.py`\n"


@pytest.mark.parametrize("module", sorted(SITE["REFERENCE"]))
def test_the_reference_has_the_public_names(module: str) -> None:
    text = SITE["reference_page"](module)
    assert text.count("\n::: ") > 0 or module == "flasgo_static"
    if module == "flasgo":
        assert "::: flasgo.app.Flasgo\n" in text


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ('<a href="other.html">x</a>', []),
        ('<a href="other.html#there">x</a>', []),
        ('<a href="https://example.com/">x</a>', []),
        ('<a href="gone.html">x</a>', ["page.html links to gone.html, which does not exist."]),
        (
            '<a href="other.html#gone">x</a>',
            ["page.html links to other.html#gone, and that page has no such heading."],
        ),
        (
            "<h1>x</h1><h3>y</h3>",
            ["page.html has a heading of level 3 below one of level 1."],
        ),
        (
            '<script src="https://cdn.example/x.js"></script>',
            ["page.html loads https://cdn.example/x.js: the site has to work without a network."],
        ),
    ],
)
def test_what_the_check_refuses(tmp_path: Path, html: str, found: list[str]) -> None:
    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    (tmp_path / "other.html").write_text('<h1 id="there">x</h1>', encoding="utf-8")
    assert list(SITE["check"](tmp_path)) == found
