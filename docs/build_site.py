"""Builds the documentation site from the pages of the repository, and checks what was built.

    uv run --group docs python docs/build_site.py build
    uv run --group docs python docs/build_site.py serve

The pages stay readable where they are: links between them are those of the repository. This script
copies them into one folder, points their links at one another there, adds a page of the API
reference for each package, and runs Zensical with warnings as errors. The site needs no network:
fonts, scripts and the search index are files of the site, and `check` refuses everything else.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import importlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from types import FunctionType
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
REFERENCE = {
    "flasgo": "flasgo",
    "flasgo.plugin": "flasgo.plugin",
    "flasgo_security": "flasgo-security",
    "flasgo_auth": "flasgo-auth",
    "flasgo_templates": "flasgo-templates",
    "flasgo_static": "flasgo-static",
    "flasgo_testing": "flasgo-testing",
}
"""The packages of the API reference, and the names of their pages."""

COPIED = frozenset({".png", ".svg", ".css"})
"""The endings of files that go along with the pages."""

_LINK = re.compile(r"(\[[^\]\n]*(?:\n[^\]\n]*)?\])\(([^)\s]+)\)")
_CODE = re.compile(r"(^```.*?^```[ ]*$|`[^`\n]*`)", re.MULTILINE | re.DOTALL)


def pages() -> dict[Path, str]:
    """Return every page of the repository and its place in the site."""
    found = {page: page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    for page in ROOT.glob("*.md"):
        found[page] = f"project/{page.stem.lower()}.md"
    for page in ROOT.glob("flasgo-*/README.md"):
        found[page] = f"packages/{page.parent.name}.md"
    for page in ROOT.glob("examples/**/README.md"):
        if ".venv" not in page.parts:
            place = page.parent.relative_to(ROOT / "examples").as_posix()
            found[page] = f"examples/{place}.md"
    return found


def relinked(page: Path, places: dict[Path, str]) -> str:
    """Return the text of a page with its links pointing at pages of the site.

    Args:
        page: The page in the repository.
        places: All pages and their places in the site.
    """
    here = Path(places[page]).parent

    def relink(match: re.Match[str]) -> str:
        text, link = match.groups()
        file, hash_, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link) or not file:
            return match[0]
        target = (page.parent / file).resolve()
        if target in places:
            return f"{text}({os.path.relpath(places[target], here)}{hash_}{anchor})"
        if target.suffix in COPIED and target.is_file() and DOCS in target.parents:
            return f"{text}({os.path.relpath(target.relative_to(DOCS), here)})"
        # A file or folder of the repository that is no page: its name, without a link.
        return text[1:-1]

    # A link may have code in its text, so code is put back after the links have been changed.
    code: list[str] = []

    def keep(match: re.Match[str]) -> str:
        # Parts of a class are not run, so the page calls them text; they are Python to look at.
        code.append(match[0].replace("```text\n@hookimpl", "```python\n@hookimpl"))
        return f"\0{len(code) - 1}\0"

    text = _LINK.sub(relink, _CODE.sub(keep, page.read_text(encoding="utf-8")))
    return re.sub(r"\0(\d+)\0", lambda match: code[int(match[1])], text)


def reference_page(module: str) -> str:
    """Return the page of the API reference for the public names of a package.

    Args:
        module: The package's import name.
    """
    loaded = importlib.import_module(module)
    lines = [f"# {module}", "", (loaded.__doc__ or "").strip(), ""]
    for name in sorted(loaded.__all__, key=str.lower):
        value = getattr(loaded, name)
        # `type()`, because a global such as `request` takes the class of what it stands for.
        if not issubclass(type(value), type | FunctionType):
            continue
        defined_in = value.__module__
        if module != "flasgo" and defined_in.partition(".")[0] != module.partition(".")[0]:
            continue
        lines += [f"::: {defined_in}.{value.__qualname__}", ""]
    return "\n".join(lines)


def stage(folder: Path) -> None:
    """Write all that the site is built from.

    Args:
        folder: A folder that is made anew.
    """
    shutil.rmtree(folder, ignore_errors=True)
    places = pages()
    for page, place in places.items():
        target = folder / "pages" / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(relinked(page, places), encoding="utf-8")
    for picture in DOCS.rglob("*"):
        if picture.suffix in COPIED:
            target = folder / "pages" / picture.relative_to(DOCS)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(picture, target)
    for module, name in REFERENCE.items():
        target = folder / "pages" / "reference" / f"{name}.md"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(reference_page(module), encoding="utf-8")
    shutil.copyfile(DOCS / "zensical.toml", folder / "zensical.toml")


def build(folder: Path) -> Path:
    """Build the site with warnings as errors, and check it.

    Args:
        folder: Where to work; the site is in its subfolder `site`.

    Raises:
        SystemExit: When Zensical or the check finds something wrong.
    """
    stage(folder)
    environment = {**os.environ, "NO_COLOR": "1"}
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    result = subprocess.run(command, cwd=folder, env=environment, check=False)  # noqa: S603 - fixed
    if result.returncode:
        sys.exit("The site was not built: see the warnings above.")
    found = list(check(folder / "site"))
    if found:
        sys.exit("\n".join(found))
    return folder / "site"


class _Links(HTMLParser):
    """Collects what a page links to, what it loads, and its anchors."""

    def __init__(self) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.headings: list[int] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        self.anchors.update(value for key in ("id", "name") if (value := given.get(key)))
        target = given.get("href") if tag in {"a", "link"} else given.get("src")
        if target and (tag != "a" and given.get("rel") not in {"canonical", "next", "prev"}):
            self.loads.append(target)
        if target:
            self.links.append(target)


def check(site: Path) -> Iterator[str]:
    """Yield what is wrong with a site: links, headings that skip a level, files from elsewhere.

    Args:
        site: The folder of the site.
    """
    parsed: dict[Path, _Links] = {}
    for page in sorted(site.rglob("*.html")):
        parsed[page] = _Links()
        parsed[page].feed(page.read_text(encoding="utf-8"))
    for page, links in parsed.items():
        name = page.relative_to(site)
        for before, level in pairwise([0, *links.headings]):
            if level > before + 1:
                yield f"{name} has a heading of level {level} below one of level {before}."
        for load in links.loads:
            if urlsplit(load).netloc:
                yield f"{name} loads {load}: the site has to work without a network."
        for link in links.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or (name.name == "404.html" and link.startswith("/")):
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            target = target / "index.html" if target.is_dir() else target
            anchor = unquote(parts.fragment)
            if not target.exists():
                yield f"{name} links to {link}, which does not exist."
            elif anchor and target in parsed and anchor not in parsed[target].anchors:
                yield f"{name} links to {link}, and that page has no such heading."


def serve(site: Path, port: int) -> None:
    """Serve a site on this machine.

    Args:
        site: The folder of the site.
        port: The port.
    """
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        sys.stdout.write(f"The site is at http://127.0.0.1:{port}/\n")
        server.serve_forever()


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Build or serve the documentation site.")
    parser.add_argument("command", choices=("build", "serve"))
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "docs")
    parser.add_argument("--port", type=int, default=8001)
    options = parser.parse_args()
    site = build(options.folder.resolve())
    sys.stdout.write(f"Built {site}\n")
    if options.command == "serve":
        serve(site, options.port)


if __name__ == "__main__":
    main()
