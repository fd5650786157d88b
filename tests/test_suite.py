"""The suite speaks to apps by the client that users have; the exceptions are listed (README.md)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parent
ROW = re.compile(r"^\| `([\w/]+\.py)` \| (.+) \|$", re.MULTILINE)
OTHER_CLIENTS = re.compile(r"ASGITransport|(?:starlette|fastapi)\.testclient")


def listed() -> dict[str, str]:
    return dict(ROW.findall((TESTS / "README.md").read_text(encoding="utf-8")))


def python_files() -> Iterator[tuple[str, str]]:
    for path in sorted(TESTS.rglob("*.py")):
        if path != Path(__file__).resolve():
            yield path.relative_to(TESTS).as_posix(), path.read_text(encoding="utf-8")


def is_scope(node: ast.AST) -> bool:
    """Tell whether an expression builds the scope of a connection."""
    if not isinstance(node, ast.Dict):
        return False
    keys = {key.value for key in node.keys if isinstance(key, ast.Constant)}
    kinds = {value.value for value in node.values if isinstance(value, ast.Constant)}
    is_typed = "type" in keys and bool(kinds & {"http", "websocket", "lifespan"})
    return is_typed and ("path" in keys or "lifespan" in kinds)


def speaks_raw_asgi(text: str) -> bool:
    tree = ast.parse(text)
    scripts = (
        ast.parse(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.search(r'"type": "(?:http|websocket)", "method"', node.value)
    )
    return any(
        is_scope(node) or (isinstance(node, ast.ImportFrom) and node.module == "tests.asgi")
        for found in (tree, *scripts)
        for node in ast.walk(found)
    )


def test_only_listed_files_speak_raw_asgi() -> None:
    raw = {name for name, text in python_files() if speaks_raw_asgi(text)}
    unlisted, outdated = raw - set(listed()), set(listed()) - raw
    assert not unlisted, (
        f"{sorted(unlisted)} build ASGI scopes or use tests/asgi.py. Use the fixture `connect`, "
        "or say in tests/README.md why no client will do."
    )
    assert not outdated, f"tests/README.md lists {sorted(outdated)}, which speak no raw ASGI."


def test_nobody_uses_another_client() -> None:
    others = [name for name, text in python_files() if OTHER_CLIENTS.search(text)]
    assert others == [], "use the fixture `connect`"


def test_what_counts_as_raw_asgi() -> None:
    assert speaks_raw_asgi('scope = {"type": "http", "path": "/"}')
    assert speaks_raw_asgi("from tests.asgi import Driver")
    assert speaks_raw_asgi('app({"type": "lifespan"}, receive, send)')
    assert not speaks_raw_asgi('scheme = {"type": "http", "scheme": "bearer"}')
    assert not speaks_raw_asgi('await send({"type": "http.response.body"})')
