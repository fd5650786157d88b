"""Builds the tutorial's application from the pages of the tutorial.

    uv run python docs/tutorial_code.py

Each page below `docs/tutorial` is one part. A code block with a title is a file of the application
as it is after that part, from its first line to its last. This script marks the lines of a block
that are new since the part before, and writes the application of the last part to
`examples/tutorial`. Where the title of a block on any page is a file below `examples`, it puts in
that file.
"""

from __future__ import annotations

import difflib
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "tutorial"
GUIDES = ROOT / "docs" / "guides"
EXAMPLE = ROOT / "examples" / "tutorial"
BLOCK = re.compile(
    r'^```(?P<language>\w+) title="(?P<title>[^"]+)"(?: hl_lines="(?P<marked>[^"]*)")?\n'
    r"(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
KEPT = ("README.md",)
"""Files of the example that no page shows."""
RENAMED = {".env": "env.example"}
"""`.gitignore` keeps files named `.env` out of the repository."""


@dataclass(frozen=True)
class Part:
    """One part of the tutorial.

    Attributes:
        page: Its page.
        files: All files of the application after it, by their paths.
    """

    page: Path
    files: dict[str, str]

    def write(self, folder: Path) -> None:
        """Write the application into a folder.

        Args:
            folder: The folder; it is made when it is missing.
        """
        for name, text in self.files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")


def parts() -> list[Part]:
    """Return the parts of the tutorial in their order."""
    files: dict[str, str] = {}
    found = []
    for page in sorted(PAGES.glob("*.md")):
        for block in BLOCK.finditer(page.read_text(encoding="utf-8")):
            if not block["title"].startswith("examples/"):
                files[block["title"]] = block["text"]
        found.append(Part(page, dict(files)))
    return found


def new_lines(before: str, after: str) -> str:
    """Return which lines of a file are new, as the site wants them: `3-5 8`.

    Args:
        before: The file in the part before.
        after: The file now.
    """
    matcher = difflib.SequenceMatcher(None, before.splitlines(), after.splitlines(), autojunk=False)
    ranges = [
        f"{start + 1}-{end}" if end - start > 1 else f"{end}"
        for tag, _, _, start, end in matcher.get_opcodes()
        if tag in {"replace", "insert"}
    ]
    return " ".join(ranges)


def marked(page: Path, before: dict[str, str]) -> str:
    """Return the text of a page with the new lines of its files marked.

    Args:
        page: The page.
        before: The files of the part before.
    """

    def mark(block: re.Match[str]) -> str:
        title, text = block["title"], block["text"]
        if title.startswith("examples/"):
            text = (ROOT / title).read_text(encoding="utf-8")
        lines = new_lines(before[title], text) if title in before else ""
        marks = f' hl_lines="{lines}"' if lines else ""
        return f'```{block["language"]} title="{title}"{marks}\n{text}```'

    return BLOCK.sub(mark, page.read_text(encoding="utf-8"))


def example() -> dict[str, str]:
    """Return the files of `examples/tutorial`, without those that no page shows."""
    return {RENAMED.get(name, name): text for name, text in parts()[-1].files.items()}


def main() -> None:
    """Mark the new lines of all pages, and write the example."""
    before: dict[str, str] = {}
    for part in parts():
        part.page.write_text(marked(part.page, before), encoding="utf-8")
        before = part.files
    for page in GUIDES.glob("*.md"):
        page.write_text(marked(page, {}), encoding="utf-8")
    for found in EXAMPLE.iterdir() if EXAMPLE.exists() else ():
        if found.is_dir():
            shutil.rmtree(found)
        elif found.name not in KEPT:
            found.unlink()
    Part(EXAMPLE, example()).write(EXAMPLE)
    sys.stdout.write(f"Wrote {len(before)} files to {EXAMPLE}\n")


if __name__ == "__main__":
    main()
