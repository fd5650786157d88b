"""Every Python block of the README, the docs and the packages' pages runs as it is printed.

A block is a program of its own: it is written to a file in an empty directory and run in a fresh
interpreter with warnings as errors. Blocks that define tests are handed to pytest.
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 60
SECRET_KEY = "docs-tests-only-0123456789abcdef-0123456789"
# What a reader's own project would say for `async def` tests.
PYTEST_INI = """[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
"""
_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<code>.*?)^```$", re.M | re.S)
# The docs show these as installed.
REFERENCE_PLUGINS = os.pathsep.join(map(str, ROOT.glob("examples/plugins/*/src")))
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.M | re.S)
_TEST = re.compile(r"^(async )?def test_", re.M)
# Anything with a Python in it that is not run would be a promise nobody keeps.
KNOWN_LANGUAGES = {
    "python", "console", "text", "toml", "html", "json", "css", "dotenv", "ini",
    "dockerfile", "nginx", "yaml",
}  # fmt: skip


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands and what it says."""

    document: Path
    line: int
    language: str
    title: str
    code: str

    def __str__(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line}"


def documents() -> list[Path]:
    pages = [ROOT / name for name in ("README.md", "CHANGELOG.md", "MIGRATING_FROM_FLASK.md")]
    return sorted([*pages, *ROOT.glob("flasgo-*/README.md"), *ROOT.glob("docs/**/*.md")])


def blocks() -> list[Block]:
    found: list[Block] = []
    for document in documents():
        text = document.read_text()
        for fence in _FENCE.finditer(text):
            line = text.count("\n", 0, fence.start()) + 2
            language, _, options = fence["info"].strip().partition(" ")
            title = re.search(r'title="([^"]+)"', options)
            found.append(Block(document, line, language, title[1] if title else "", fence["code"]))
    return found


# A block with a title is a file of an application, which test_tutorial.py and test_guides.py run.
PYTHON = [block for block in blocks() if block.language == "python" and not block.title]


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_block_runs_as_printed(block: Block, tmp_path: Path) -> None:
    # The files that examples point at; they are about the code, not about these.
    for folder in ("static", "assets", "templates"):
        (tmp_path / folder).mkdir()
    (tmp_path / "templates" / "home.html").write_text("<h1>{{ title }}</h1>\n")
    program = tmp_path / "app.py"
    program.write_text(block.code)
    # Not as `__main__`: what stands behind that guard starts a server.
    command = ["-c", "import runpy; runpy.run_path('app.py', run_name='app')"]
    if _TEST.search(block.code):
        (tmp_path / "pytest.ini").write_text(PYTEST_INI)
        command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "app.py"]

    done = subprocess.run(
        [sys.executable, "-W", "error", *command],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "FLASGO_SECRET_KEY": SECRET_KEY, "PYTHONPATH": REFERENCE_PLUGINS},
        timeout=TIMEOUT_SECONDS,
        check=False,
    )

    assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"


def commands() -> set[str]:
    """The subcommands of `flasgo` that console blocks type."""
    typed = "\n".join(block.code for block in blocks() if block.language == "console")
    # `notes` is the command of a plugin that docs/plugins.md shows.
    return set(re.findall(r"(?:^|\s)flasgo ([a-z]+)", typed)) - {"notes"}


def test_every_command_that_is_typed_exists() -> None:
    assert "run" in commands()
    for command in sorted(commands()):
        done = subprocess.run(
            [sys.executable, "-m", "flasgo", command, "--help"],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"flasgo {command}: {done.stderr}"


def test_every_block_names_a_language_that_is_known_here() -> None:
    unknown = [
        f"{block} {block.language!r}" for block in blocks() if block.language not in KNOWN_LANGUAGES
    ]

    assert unknown == [], "write ```python for code that runs, ```console for what is typed"


def test_a_block_with_a_title_stands_where_it_is_tested() -> None:
    tested = {ROOT / "docs" / "tutorial", ROOT / "docs" / "guides"}
    assert [str(b) for b in blocks() if b.title and b.document.parent not in tested] == []


def test_no_block_is_left_open() -> None:
    open_ended = [
        str(document.relative_to(ROOT))
        for document in documents()
        if len(re.findall(r"^\s*```", document.read_text(), re.M)) % 2
    ]

    assert open_ended == []


def test_links_between_pages_lead_somewhere() -> None:
    dead: list[str] = []
    for document in documents():
        text = _CODE.sub("", document.read_text())
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
            if ":" not in target and not (document.parent / target).exists():
                dead.append(f"{document.relative_to(ROOT)}: {target}")

    assert dead == []
