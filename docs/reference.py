"""Writes the reference pages from the code: `python docs/reference.py`.

A test holds the pages to what this would write.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

from flasgo import Flasgo, hookspecs
from flasgo.hookspecs import CONTRACT_LEVEL, REQUEST_HOOKS, SETUP_HOOKS
from flasgo.settings.settings import SettingInfo

HERE = Path(__file__).resolve().parent
_SECRET_KEY = "reference-0123456789abcdef-0123456789"  # noqa: S105 - signs nothing
# Defaults that are not the same everywhere, or not to be shown.
_COMPUTED = {
    "SECRET_KEY": "random, per process",
    "SYNC_WORKERS": "by the number of processors",
}
_SECTION = re.compile(r"^(When|Args|Returns|Example):\n", re.MULTILINE)


def settings_page() -> str:
    """Return the page of all settings of the bundle, each with its owner's words."""
    app = Flasgo(settings={"SECRET_KEY": _SECRET_KEY})
    rows: dict[str, list[str]] = {}
    for info in sorted(app.settings.describe(), key=lambda info: info.name):
        text = " ".join(info.help.split()).replace("|", "\\|")
        row = f"| `{info.name}` | {_default(info)} | {text} |"
        comes_with_core = info.owner in app.plugins and app.plugins[info.owner].builtin
        rows.setdefault("core" if comes_with_core else info.owner, []).append(row)
    parts = [_SETTINGS_INTRODUCTION]
    for owner in ("core", *sorted(set(rows) - {"core"})):
        title = "flasgo-core" if owner == "core" else f"flasgo-{owner}"
        head = f"## {title}\n\n| setting | default | what it does |\n|---|---|---|\n"
        parts.append(head + "\n".join(rows[owner]) + "\n")
    return "\n".join(parts)


def _default(info: SettingInfo) -> str:
    if info.name in _COMPUTED:
        return _COMPUTED[info.name]
    if isinstance(info.default, set | frozenset):
        # The order of a set differs from run to run.
        return f"`{{{', '.join(sorted(map(repr, info.default)))}}}`" if info.default else "`set()`"
    return f"`{info.default!r}`".replace("|", "\\|")


_SETTINGS_INTRODUCTION = """\
# Settings

A setting has an UPPERCASE name, a type, a default and an owner. Its value is looked for in four
places, the first one wins:

1. the argument `Flasgo(settings=...)`: a mapping, or the dotted name of a module,
2. the environment: `FLASGO_` and the name, such as `FLASGO_SECRET_KEY`,
3. the file `.env`, with the same names,
4. the default.

Text from the environment is converted: `FLASGO_DEBUG=true`,
`FLASGO_ALLOWED_HOSTS=a.example,b.example`. An unknown name or a value of the wrong type stops the
app, with the name you may have meant. Read them as `app.settings.DEBUG` or
`app.settings["DEBUG"]`; they do not change while the app runs. `flasgo settings` shows each value
and where it came from, with secrets masked.
"""


def hooks_page() -> str:
    """Return the page of all hooks, made of their docstrings."""
    parts = [_HOOKS_INTRODUCTION.format(level=CONTRACT_LEVEL)]
    for title, hooks in (("Set-up hooks", SETUP_HOOKS), ("Request hooks", REQUEST_HOOKS)):
        parts.append(f"## {title}\n")
        parts.extend(_hook(name) for name in hooks)
    return "\n".join(parts)


_HOOKS_INTRODUCTION = """\
# Hooks

The contract between core and plugins, at level {level}. Mark an implementation with
`@hookimpl`; it may take fewer arguments than are listed, by name. [Plugins](plugins.md) shows a
whole plugin, and [The life of a request](request-life.md) where each hook has its place.
"""


def _hook(name: str) -> str:
    spec = getattr(hookspecs, name)
    pieces = _SECTION.split(inspect.getdoc(spec) or "")
    sections = dict(zip(pieces[1::2], pieces[2::2], strict=True))
    lines = [f"### `{name}{inspect.signature(spec)}`".replace("'", ""), "", pieces[0].strip(), ""]
    lines.append(f"**Called:** {_text(sections['When'])}\n")
    lines.extend(f"- {line}" for line in _arguments(sections["Args"]))
    if "Returns" in sections:
        lines.append(f"\n**Returns:** {_text(sections['Returns'])}")
    lines.append(
        "\n" + textwrap.dedent(sections["Example"]).strip().replace("```python", "```text")
    )
    return "\n".join(lines) + "\n"


def _text(section: str) -> str:
    return " ".join(section.split())


def _arguments(section: str) -> Iterator[str]:
    """Yield each argument with its description on one line."""
    for part in re.split(r"\n(?=    \w+: )", section.rstrip()):
        name, _, description = part.strip().partition(": ")
        yield f"`{name}`: {_text(description)}"


PAGES = {"settings.md": settings_page, "hooks.md": hooks_page}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), encoding="utf-8")
