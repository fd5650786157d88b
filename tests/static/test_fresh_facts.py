"""SERVE-3: a 304 of a file that was looked at a moment ago needs no worker thread."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flasgo import Flasgo
from flasgo.responses import files


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What has been opened in worker threads."""
    seen: list[str] = []
    find = files.find

    def watched(opener: Any, wanted: Any) -> Any:
        seen.append("opened")
        return find(opener, wanted)

    monkeypatch.setattr("flasgo.responses.file_response.find", watched)
    return seen


def changed(file: Path, age: float) -> None:
    then = time.time() - age
    os.utime(file, (then, then))


def site(
    tmp_path: Path, connect: Callable[..., Any], *, age: float, **settings: object
) -> tuple[Any, Path]:
    file = tmp_path / "static" / "app.css"
    file.parent.mkdir()
    file.write_text("body {}")
    changed(file, age)
    key = {"SECRET_KEY": "for-tests-only-0123456789-abcdefghij", "ALLOWED_HOSTS": {"*"}}
    return connect(Flasgo(settings={**key, **settings}, static_folder=str(file.parent))), file


def test_a_304_of_fresh_facts_opens_nothing(
    tmp_path: Path,
    connect: Callable[..., Any],
    opened: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client, _ = site(tmp_path, connect, age=60)
    monkeypatch.setattr(files, "FRESH_SECONDS", 60.0)
    first = client.get("/static/app.css")
    for _ in range(3):
        again = client.get("/static/app.css", headers={"if-none-match": first.headers["etag"]})
        assert again.status_code == 304
        for name in ("etag", "cache-control", "vary", "last-modified"):
            assert again.headers[name] == first.headers[name]
    assert len(opened) == 1
    other = client.get("/static/app.css", headers={"if-none-match": '"other"'})
    assert (other.status_code, other.text) == (200, "body {}")
    assert client.get("/static/app.css", headers={"if-match": '"other"'}).status_code == 412
    assert len(opened) == 3


def test_a_file_that_has_changed_lately_is_looked_at_each_time(
    tmp_path: Path, connect: Callable[..., Any], opened: list[str]
) -> None:
    client, file = site(tmp_path, connect, age=1)
    tag = client.get("/static/app.css").headers["etag"]
    changed(file, age=0)
    assert client.get("/static/app.css", headers={"if-none-match": tag}).status_code == 200
    assert len(opened) == 2


def test_facts_are_fresh_for_a_moment(
    tmp_path: Path,
    connect: Callable[..., Any],
    opened: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(files, "FRESH_SECONDS", 0.0)
    client, _ = site(tmp_path, connect, age=60)
    tag = client.get("/static/app.css").headers["etag"]
    assert client.get("/static/app.css", headers={"if-none-match": tag}).status_code == 304
    assert len(opened) == 2


def test_with_debug_each_request_looks_at_its_file(
    tmp_path: Path, connect: Callable[..., Any], opened: list[str]
) -> None:
    client, _ = site(tmp_path, connect, age=60, DEBUG=True)
    tag = client.get("/static/app.css").headers["etag"]
    assert client.get("/static/app.css", headers={"if-none-match": tag}).status_code == 304
    assert len(opened) == 2


def test_what_is_remembered_is_bounded() -> None:
    recent = files.RecentFacts()
    facts = files.FileFacts(1, 0, 0, 0)
    for number in range(3000):
        recent.keep(number, files.Found(200, facts, '"x"', {}))
        assert len(recent._known) <= 1024
