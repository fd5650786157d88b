"""PERF-1: how many Python functions answer one request for a small JSON document."""

from __future__ import annotations

import gc
import sys
from types import FrameType
from typing import Any

import pytest
from flasgo import Flasgo, HTTPException

MOST_IN_THE_BUNDLE = 17
MOST_IN_CORE_ALONE = 11
MOST_FOR_A_404 = 47
MOST_FOR_A_405 = 43

_SCOPE: dict[str, Any] = {
    "type": "http",
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": "/",
    "raw_path": b"/",
    "query_string": b"",
    "root_path": "",
    "headers": [(b"host", b"localhost:8000"), (b"accept", b"*/*"), (b"user-agent", b"test")],
    "client": ("127.0.0.1", 50000),
    "server": ("127.0.0.1", 8000),
}
_KEY = "for-tests-only-0123456789-abcdefghij"


async def calls_of(app: Flasgo, status: int = 200, **scope: Any) -> list[str]:
    """Return the names of the functions of ours that answer one request, once all is compiled.

    A coroutine that goes on after it has waited counts once; the handler does not count.
    """
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    async def once() -> None:
        await app({**_SCOPE, **scope, "headers": list(_SCOPE["headers"])}, receive, send)

    for _ in range(3):
        await once()
    counted, seen = [], set()

    def count(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename != __file__ and frame not in seen:
            seen.add(frame)
            counted.append(frame.f_code.co_qualname)

    # What another test has left may call functions when it is collected.
    gc.collect()
    gc.disable()
    sys.setprofile(count)
    try:
        await once()
    finally:
        sys.setprofile(None)
        gc.enable()
    assert sent[-2]["status"] == status
    return counted


def json_app(**options: Any) -> Flasgo:
    app = Flasgo(settings={"SECRET_KEY": _KEY}, **options)

    @app.get("/")
    async def home() -> dict[str, str]:
        return {"message": "hello"}

    return app


async def test_core_alone() -> None:
    calls = await calls_of(json_app(discover=False))
    assert len(calls) <= MOST_IN_CORE_ALONE, calls


async def test_the_bundle() -> None:
    calls = await calls_of(json_app())
    assert len(calls) <= MOST_IN_THE_BUNDLE, calls


async def test_errors_that_are_known_beforehand() -> None:
    """SERVE-3: a 404 and a 405 choose a form by a table, and encode their body once."""
    for status, most, scope in (
        (404, MOST_FOR_A_404, {"path": "/none", "raw_path": b"/none"}),
        (405, MOST_FOR_A_405, {"method": "PUT"}),
    ):
        calls = await calls_of(json_app(), status, **scope)
        assert len(calls) <= most, calls


def test_each_client_gets_its_form_of_an_error(connect: Any) -> None:
    client = connect(json_app())
    for _ in range(2):
        for accept, wanted in (
            ("*/*", "application/json"),
            ("text/html,*/*;q=0.8", "text/html; charset=utf-8"),
            ("application/problem+json", "application/problem+json"),
            ("application/json," + "x/y," * 100, "application/json"),
        ):
            for path, status in (("/none", 404), ("/", 405)):
                method = "PUT" if status == 405 else "GET"
                headers = {"accept": accept, "sec-fetch-site": "same-origin"}
                answer = client.request(method, path, headers=headers)
                assert answer.status_code == status
                assert answer.headers["content-type"] == wanted
                assert answer.headers["vary"] == "Accept"
                assert ("allow" in answer.headers) is (status == 405)


@pytest.mark.parametrize("accept", ["*/*", "text/html", "application/problem+json"])
def test_what_is_kept_of_an_error_is_what_is_made_anew(connect: Any, accept: str) -> None:
    """Long details are put together for each request: both ways give the same answer."""
    app = json_app()
    given: list[dict[str, str]] = [
        {},
        {"Retry-After": "5", "X-Reason": "closed"},
        {"retry-after": "5", "Retry-After": "6"},
        {"Content-Type": "text/plain", "vary": "Cookie"},
        {"Content-Length": "3"},
        {"Set-Cookie": "a=b"},
    ]

    @app.get("/<int:number>")
    async def fail(number: int, pad: str = "") -> None:
        raise HTTPException(409, "<Busy>" + pad, headers=given[number], error="busy")

    client = connect(app)
    for number in range(len(given)):
        answers = [
            client.get(f"/{number}", headers={"accept": accept}, params={"pad": pad})
            for pad in ("", "", "x" * 300)
        ]
        kept = [(a.text, sorted(a.headers.multi_items())) for a in answers[:2]]
        assert kept[0] == kept[1]
        anew = answers[2]
        assert anew.text.replace("x" * 300, "") == answers[0].text
        assert [
            pair for pair in sorted(anew.headers.multi_items()) if pair[0] != "content-length"
        ] == [pair for pair in kept[0][1] if pair[0] != "content-length"]
