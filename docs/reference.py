"""Writes the reference pages from the code: `python docs/reference.py`.

A test holds the pages to what this would write.
"""

from __future__ import annotations

import inspect
import re
import runpy
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType

import flasgo.features.health.hookspecs
import flasgo_auth.hookspecs
import flasgo_security.hookspecs
import flasgo_templates.hookspecs
from flasgo import (
    Connection,
    FileResponse,
    Flasgo,
    Request,
    Response,
    Route,
    Settings,
    hookspecs,
    plugin,
)
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


def other_names_page() -> str:
    """Return the page that compares the names of Flask and FastAPI with ours."""
    return runpy.run_path(str(HERE / "other_names.py"))["page"]()


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

Settings of your own are the fields of a dataclass or Struct. They are checked, read from the same
places and listed like any other. Type checkers know them where the class derives from
`OwnSettings` and the app is a `Flasgo[Shop]`; elsewhere `request.app.settings.own(Shop)` has their
types:

```python
from typing import Annotated

from flasgo import Flasgo, OwnSettings
from msgspec import Meta, Struct


class Shop(OwnSettings, Struct):
    SHOP_NAME: str = "Shop"
    PAGE_SIZE: Annotated[int, Meta(ge=1, description="Items on a page.")] = 20
    PAYMENT_KEY: Annotated[str | None, Meta(extra={"secret": True})] = None


app = Flasgo[Shop](settings={"PAGE_SIZE": 50}, own_settings=Shop)
assert app.settings.PAGE_SIZE == app.settings["PAGE_SIZE"] == 50


@app.get("/")
def front(app: Flasgo[Shop]) -> str:
    return app.settings.SHOP_NAME


assert app.test_client().get("/").text == "Shop"
small = Flasgo(own_settings={"PAGE_SIZE": 20}, settings={"PAGE_SIZE": 50})  # names and defaults
assert small.settings["PAGE_SIZE"] == 50
```
"""


def hooks_page() -> str:
    """Return the page of all hooks, made of their docstrings."""
    parts = [_HOOKS_INTRODUCTION.format(level=CONTRACT_LEVEL)]
    for title, hooks in (("Set-up hooks", SETUP_HOOKS), ("Request hooks", REQUEST_HOOKS)):
        parts.append(f"## {title}\n")
        parts.extend(_hook(getattr(hookspecs, name)) for name in hooks)
    parts.append(_PUBLISHED_INTRODUCTION)
    for owner, namespace in _PUBLISHED.items():
        parts.append(f"### Hooks of {owner}\n")
        parts.extend(_hook(getattr(namespace, name), "####") for name in namespace.__all__)
    return "\n".join(parts)


_HOOKS_INTRODUCTION = """\
# Hooks

The contract between core and plugins, at level {level}. Mark an implementation with
`@hookimpl`; it may take fewer arguments than are listed, by name. [Plugins](plugins.md) shows a
whole plugin, and [The life of a request](request-life.md) where each hook has its place.
"""


# Where each plugin of the bundle keeps the specifications of its hooks.
_PUBLISHED = {
    "auth": flasgo_auth.hookspecs,
    "security": flasgo_security.hookspecs,
    "templates": flasgo_templates.hookspecs,
    "health": flasgo.features.health.hookspecs,
}

_PUBLISHED_INTRODUCTION = """\
## Hooks that plugins publish

A plugin publishes hooks of its own with `registry.hookspecs`, as [Plugins](plugins.md) shows. These
are those of the bundled plugins. Mark an implementation `@hookimpl(optionalhook=True)`, so that it
works where the plugin is not active.
"""


def _hook(spec: FunctionType, level: str = "###") -> str:
    pieces = _SECTION.split(inspect.getdoc(spec) or "")
    sections = dict(zip(pieces[1::2], pieces[2::2], strict=True))
    heading = f"{level} `{spec.__name__}{inspect.signature(spec)}`".replace("'", "")
    lines = [heading, "", pieces[0].strip(), ""]
    lines.append(f"**Called:** {_text(sections['When'])}\n")
    lines.extend(f"- {line}" for line in _arguments(sections.get("Args", "")))
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
    for part in re.split(r"\n(?=    \w+: )", section.rstrip()) if section else ():
        name, _, description = part.strip().partition(": ")
        yield f"`{name}`: {_text(description)}"


def kit_page() -> str:
    """Return the page of `flasgo.plugin`: each name with the first sentence about it."""
    parts = [_KIT_INTRODUCTION.format(level=CONTRACT_LEVEL)]
    listed = {name for names in _KIT.values() for name in names}
    others = tuple(name for name in plugin.__all__ if name not in listed)
    for title, names in (*_KIT.items(), *([("More", others)] if others else [])):
        rows = [f"| `{name}` | {_summary(getattr(plugin, name), name)} |" for name in names]
        parts.append(f"## {title}\n\n| name | what it is |\n|---|---|\n" + "\n".join(rows) + "\n")
    rows = [
        f"| `{label}.{name}` | {_summary(inspect.getattr_static(kind, name), name)} |"
        for label, kind, names in _KIT_MEMBERS
        for name in names
    ]
    parts.append(_KIT_MEMBERS_INTRODUCTION + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _summary(value: object, name: str) -> str:
    """Return the first sentence of a docstring, on one line."""
    text = _KIT_TEXTS.get(name) or inspect.getdoc(value) or ""
    return " ".join(text.partition("\n\n")[0].split()).replace("|", "\\|")


_KIT = {
    "The plugin": (
        "Plugin",
        "PlacedBlueprint",
        "hookimpl",
        "hookspec",
        "Registry",
        "Finding",
        "ReportTable",
        "CONTRACT_LEVEL",
        "SETUP_HOOKS",
        "REQUEST_HOOKS",
        "PluginError",
        "HookError",
    ),
    "Policies": (
        "Policy",
        "attach_policy",
        "has_policy",
        "PolicyScope",
        "UnenforcedPolicyError",
    ),
    "Other plugins": (
        "Plugins",
        "PluginInfo",
        "Declarations",
        "Implementation",
        "HookOptions",
        "Options",
    ),
    "Requests": ("current_request", "context_proxy", "RequestContext", "lazy", "WorkerThreads"),
    "Headers, cookies and media types": (
        "HeaderBlock",
        "encode_header",
        "format_set_cookie",
        "SameSite",
        "LONGEST_SET_COOKIE",
        "media_type",
        "acceptable_encodings",
    ),
    "Open files": ("OpenFile", "FileFacts", "RecentFacts", "regular_file", "OPEN_FLAGS"),
    "Settings": ("SettingSpec", "SettingInfo", "convert_value"),
    "Types and models": ("ModelAdapter", "ModelField", "ModelError"),
    "The API description": ("operations", "add_error"),
    "Callables": (
        "is_async",
        "is_routine",
        "called_by",
        "signature_of",
        "qualified_name",
        "full_name",
    ),
    "Names and messages": ("did_you_mean", "lazy_names"),
    "Finding an app": ("find_target", "load_target", "TargetError", "NoTargetError"),
    "ASGI": ("ASGIApp", "Scope", "Message", "Receive", "Send"),
}
_KIT_MEMBERS = (
    (
        "app",
        Flasgo,
        (
            "explain",
            "find_route",
            "routes_at",
            "find_error_handler",
            "request_context",
            "is_served_here",
        ),
    ),
    (
        "app.plugins",
        plugin.Plugins,
        (
            "register",
            "implementations",
            "hook_callables",
            "is_implemented",
            "notify",
            "call",
            "call_all",
            "call_setup",
            "wrap_calls",
            "recompile",
        ),
    ),
    ("app.settings", Settings, ("read", "spec", "source", "describe")),
    ("request", Connection, ("peek", "raw_header", "query_string", "preferred_type")),
    ("request", Request, ("form_field", "max_body", "read_timeout")),
    (
        "request.route",
        Route,
        (
            "policy",
            "policies_of",
            "is_websocket",
            "is_head_automatic",
            "mounted",
            "host_parameters",
            "defaults",
            "is_named",
            "spans_segments",
        ),
    ),
    ("response", Response, ("transform", "fill_headers", "sets_cookie", "is_streaming", "is_sent")),
    ("FileResponse", FileResponse, ("opened_by",)),
)
_KIT_TEXTS = {
    "CONTRACT_LEVEL": "The version of the hook contract; see [Hooks](hooks.md).",
    "SETUP_HOOKS": "The names of the hooks that are called while an app is made or inspected.",
    "REQUEST_HOOKS": "The names of the hooks that are called while a request is served.",
    "LONGEST_SET_COOKIE": "How many bytes a `Set-Cookie` line may have, attributes included.",
    "OPEN_FLAGS": "The flags for `os.open` with which a file is opened to be served.",
    "is_websocket": "Whether the route takes WebSocket connections.",
    "is_head_automatic": "Whether it answers HEAD because it answers GET.",
    "mounted": "The app that is mounted there, or None.",
    "defaults": "The values of parameters that the rule does not have.",
    "is_named": "Whether its endpoint has been named, and not taken from the handler.",
    "host_parameters": "The names of the parameters in its host.",
    "spans_segments": "Whether its last parameter takes slashes, as `<path:name>` does.",
    "is_streaming": "Whether the body is produced while it is sent.",
    "SameSite": "The type of the attribute `SameSite` of cookies.",
    "ASGIApp": "The type of an ASGI application.",
    "Scope": "The type of an ASGI scope.",
    "Message": "The type of an ASGI message.",
    "Receive": "The type of the ASGI callable `receive`.",
    "Send": "The type of the ASGI callable `send`.",
}
_KIT_INTRODUCTION = """\
# The plugin kit

`flasgo.plugin` holds what a plugin imports of the core besides `flasgo` itself, at level {level} of
the hooks. It changes as [Stability](stability.md) says; other modules of the core may change in any
release. The bundled plugins import nothing else. [Plugins](plugins.md) shows a whole plugin.
"""
_KIT_MEMBERS_INTRODUCTION = """\
## Members for plugins

Apps, requests and responses have members that applications seldom need:

| member | what it is |
|---|---|
"""

PAGES = {
    "settings.md": settings_page,
    "hooks.md": hooks_page,
    "plugin-kit.md": kit_page,
    "other-names.md": other_names_page,
}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), encoding="utf-8")
