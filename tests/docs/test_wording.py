"""DOC-4: product code, messages and pages use the field's words and no metaphors."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(
    path
    for pattern in (
        "*.md",
        "docs/**/*.md",
        "flasgo-*/*.md",
        "flasgo-*/src/**/*.py",
        "examples/*/README.md",
        "examples/plugins/*/README.md",
        ".github/**/*.md",
    )
    for path in ROOT.glob(pattern)
)
REFUSED = re.compile(
    r"\bnobody\b|\bwhoever\b|\bstrangers?\b|\bno door\b|Known are|has no wishes|\bclothes\b"
    r"|\bhouse\b|\bswallow(?!_errors)|\bsleeper\b|\bdormant\b|companions?\b"
    r"|\b(?:proxy|client|server|user)'s word\b"
    r"|(?<!there )\b(?:is|are) no (?:list|text|plugin|number|type|header|policy|function|key)s?\b"
    r"|(?<!there )\b(?:is|are) no (?:browser|address|answer|datetime|failure|error)s?\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_words_are_plain(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    found = [
        f"{number}: {match[0]}"
        for number, line in enumerate(lines, 1)
        for match in REFUSED.finditer(line)
    ]
    assert found == [], "say it plainly, in the words of the RFCs and of the field"
