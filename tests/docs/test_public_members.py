"""What `dir()` shows of an object that users meet is on a page of the documentation."""

from __future__ import annotations

import re
from inspect import get_annotations
from pathlib import Path

import pytest
from flasgo import (
    Blueprint,
    FileResponse,
    Flasgo,
    Request,
    Response,
    Route,
    Settings,
    StreamingResponse,
    UploadedFile,
    WebSocket,
)
from flasgo.plugin import Plugins, Registry

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*ROOT.glob("docs/*.md"), *ROOT.glob("flasgo-*/README.md"), *ROOT.glob("[!C]*.md")]
CODE = set(
    re.findall(
        r"\w+",
        " ".join(
            part
            for page in PAGES
            for part in re.findall(r"```.*?```|`[^`\n]+`", page.read_text("utf-8"), re.DOTALL)
        ),
    )
)
KINDS = (
    Flasgo,
    Blueprint,
    Request,
    WebSocket,
    Response,
    StreamingResponse,
    FileResponse,
    Route,
    Settings,
    UploadedFile,
    Plugins,
    Registry,
)
# Flask's spellings, which the migration guide lists.
OTHER_SPELLINGS = {
    "add_url_rule",
    "after_app_request",
    "app_context",
    "app_errorhandler",
    "before_app_request",
    "import_name",
    "rate_limit_exempt",
    "register_error_handler",
    "teardown_app_request",
    "test_request_context",
}


def members(kind: type) -> set[str]:
    names = set(dir(kind)).union(*(get_annotations(base) for base in kind.__mro__))
    return {name for name in names if not name.startswith("_")}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_public_member_is_documented(kind: type) -> None:
    missing = members(kind) - CODE - OTHER_SPELLINGS
    assert not missing, f"describe them on a page, or give them an underscore: {sorted(missing)}"


def test_what_plugins_bring_to_an_app_is_documented() -> None:
    app = Flasgo(settings={"SECRET_KEY": "0123456789abcdef0123456789abcdef"})
    declared = app.plugins.declarations
    names = {*declared.app_methods, *declared.app_properties, *declared.request_attributes}
    assert not names - CODE - OTHER_SPELLINGS
