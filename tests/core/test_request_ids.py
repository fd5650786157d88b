"""`request.id`: made lazily, taken from trusted proxies alone, sent back and logged."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sys
from collections.abc import Callable

import pytest
from flasgo import BackgroundTasks, Flasgo, Request, SettingError, request as current
from flasgo.serving.level_lines import LevelFormatter
from flasgo.serving.logs import JsonFormatter, TextFormatter, WithoutQuery

KEY = "for-tests-only-0123456789-abcdefghij"
HEX = re.compile(r"[0-9a-f]{32}\Z")


def make_app(**settings: object) -> Flasgo:
    app = Flasgo(settings={"SECRET_KEY": KEY, **settings})

    @app.get("/")
    def home(request: Request) -> dict[str, str]:
        return {"id": request.id, "again": current.id}

    @app.get("/boom")
    def boom() -> None:
        raise ValueError("boom")

    return app


def test_each_request_has_one_of_its_own(connect) -> None:
    client = connect(make_app())
    first, second = client.get("/").json(), client.get("/").json()
    assert HEX.match(first["id"])
    assert first["id"] == first["again"]
    assert first["id"] != second["id"]
    assert "x-request-id" not in client.get("/").headers


@pytest.mark.parametrize(
    ("sent", "is_taken"),
    [
        ("abc-123", True),
        ("01ARZ3NDEKTSV4RRFFQ69G5FAV", True),
        ("a" * 129, False),
        ("two words", False),
        ("x\x1b[31m", False),
        ("<script>", False),
        ("-", False),
        ("", False),
    ],
)
def test_a_trusted_proxy_names_it_where_it_is_well_formed(
    connect, sent: str, *, is_taken: bool
) -> None:
    app = make_app(REQUEST_ID_HEADER="X-Request-ID", TRUSTED_PROXIES={"10.0.0.0/8"})
    client = connect(app, client=("10.0.0.1", 1))
    answer = client.get("/", headers={"x-request-id": sent.encode()})
    assert (answer.json()["id"] == sent) is is_taken
    assert answer.headers["x-request-id"] == answer.json()["id"]


def test_other_clients_do_not_name_it(connect) -> None:
    app = make_app(REQUEST_ID_HEADER="X-Request-ID", TRUSTED_PROXIES={"10.0.0.0/8"})
    answer = connect(app, client=("192.0.2.1", 1)).get("/", headers={"x-request-id": "mine"})
    assert HEX.match(answer.json()["id"])


def test_two_headers_are_none(connect) -> None:
    app = make_app(REQUEST_ID_HEADER="X-Request-ID", TRUSTED_PROXIES={"10.0.0.0/8"})
    headers = [("x-request-id", "a"), ("x-request-id", "b")]
    assert HEX.match(connect(app, client=("10.0.0.1", 1)).get("/", headers=headers).json()["id"])


def test_errors_are_logged_with_it_and_answered_with_it(connect, caplog) -> None:
    answer = connect(make_app(REQUEST_ID_HEADER="X-Request-ID")).get("/boom")
    assert answer.status_code == 500
    assert f"(request {answer.headers['x-request-id']})" in caplog.text


@pytest.mark.parametrize("name", ["X Request", "", "é", "X:Y"])
def test_a_malformed_header_name_is_refused(name: str) -> None:
    with pytest.raises(SettingError, match="REQUEST_ID_HEADER"):
        make_app(REQUEST_ID_HEADER=name)


# --- Log lines ---------------------------------------------------------------------------------


@pytest.fixture
def lines() -> Callable[[logging.Formatter], list[str]]:  # ty: ignore[invalid-generator-return-type]
    """Collect what a formatter makes of the records of the app and of Flasgo."""
    added: list[tuple[logging.Logger, logging.Handler]] = []

    def collect(formatter: logging.Formatter) -> list[str]:
        found: list[str] = []

        class Collector(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                found.append(self.format(record))

        handler = Collector()
        handler.setFormatter(formatter)
        for name in ("flasgo.access", "shop"):
            logger = logging.getLogger(name)
            logger.addHandler(handler)
            logger.setLevel(logging.INFO)
            added.append((logger, handler))
        return found

    yield collect
    for logger, handler in added:
        logger.removeHandler(handler)


def make_shop() -> Flasgo:
    app = Flasgo(settings={"SECRET_KEY": KEY, "ACCESS_LOG": True})
    shop = logging.getLogger("shop")

    @app.get("/items/<int:number>")
    def item(request: Request, number: int) -> dict[str, str]:
        shop.info("in a thread %s", number)
        return {"id": request.id}

    @app.get("/later")
    async def later(tasks: BackgroundTasks, request: Request) -> dict[str, str]:
        tasks.add(shop.info, "in the background")
        await asyncio.to_thread(shop.info, "in another thread")
        return {"id": request.id}

    return app


def test_every_record_of_a_request_names_it(connect, lines) -> None:
    found = lines(JsonFormatter())
    client = connect(make_shop())
    identifier = client.get("/items/7?token=secret").json()["id"]
    records = [json.loads(line) for line in found]
    assert [record["logger"] for record in records] == ["shop", "flasgo.access"]
    for record in records:
        assert (record["request_id"], record["route"]) == (identifier, "/items/<int:number>")
        assert (record["method"], record["level"]) == ("GET", "INFO")
        assert re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z\Z", record["time"])
    access = records[-1]
    assert access["status"] == 200
    assert access["duration_ms"] >= 0
    assert access["client"] == "127.0.0.1"
    assert "secret" not in found[-1]


def test_background_tasks_and_threads_keep_it(connect, lines) -> None:
    found = lines(JsonFormatter())
    with connect(make_shop()) as client:
        identifier = client.get("/later").json()["id"]
    records = [json.loads(line) for line in found]
    said = {
        record["message"]: record["request_id"]
        for record in records
        if "in " in record["message"] and record["logger"] == "shop"
    }
    assert said == {"in another thread": identifier, "in the background": identifier}


def test_text_stays_one_line_whatever_the_path_holds(connect, lines) -> None:
    found = lines(TextFormatter())
    connect(make_shop()).get("/x%0aforged%1b[31m")
    assert len(found) == 1
    assert "\n" not in found[0]
    assert "\x1b" not in found[0]
    assert "status=404" in found[0]


def test_without_it_no_route_has_a_step_of_it() -> None:
    app = make_app()
    route = app.routes[0]
    assert not any(s.plugin.startswith(("access_log", "request_ids")) for s in app.explain(route))


# --- What logs must not hold ------------------------------------------------------------------

FORGED = "a\r\n2026-01-01T00:00:00.000Z INFO flasgo.access: forged\x1b[31m\x9b1m\u2028b\tc"


def record_of(
    message: str, *args: object, name: str = "shop", error: bool = False
) -> logging.LogRecord:
    info = None
    if error:
        try:
            raise ValueError(FORGED)
        except ValueError:
            info = sys.exc_info()
    return logging.LogRecord(name, logging.INFO, "shop.py", 1, message, args, info)


@pytest.mark.parametrize(
    "formatter", [TextFormatter(), LevelFormatter("%(levelprefix)s %(message)s")]
)
def test_a_message_is_one_line_and_moves_no_cursor(formatter: logging.Formatter) -> None:
    line = formatter.format(record_of("user said %s", FORGED))
    assert line.splitlines() == [line]
    assert "forged\\x1b[31m\\x9b1m\\u2028b\tc" in line


def test_no_line_of_an_exception_looks_like_a_record() -> None:
    first, *others = TextFormatter().format(record_of("failed", error=True)).split("\n")
    assert "shop: failed" in first
    assert others
    assert all(other.startswith("  ") for other in others)
    assert "\x1b" not in "".join(others)


@pytest.mark.parametrize(
    ("name", "message", "args", "expected"),
    [
        (
            "uvicorn.access",
            '%s - "%s %s HTTP/%s" %d',
            ("127.0.0.1:1", "GET", "/reset?token=s3cret", "1.1", 200),
            '127.0.0.1:1 - "GET /reset HTTP/1.1" 200',
        ),
        (
            "uvicorn.error",
            '%s - "WebSocket %s" [accepted]',
            ("127.0.0.1:1", "/ws?token=s3cret"),
            '127.0.0.1:1 - "WebSocket /ws" [accepted]',
        ),
        ("uvicorn.error", "Started server process [%d]", (7,), "Started server process [7]"),
        ("uvicorn.error", "What is this? %s", ("a?b",), "What is this? a?b"),
    ],
)
def test_the_servers_lines_have_no_query(
    name: str, message: str, args: tuple[object, ...], expected: str
) -> None:
    record = record_of(message, *args, name=name)
    assert WithoutQuery().filter(record) is True
    assert record.getMessage() == expected


@pytest.mark.parametrize("log_format", [None, "text", "json"])
@pytest.mark.parametrize("wanted", [False, True])
def test_the_server_is_told_to_leave_queries_out(
    monkeypatch: pytest.MonkeyPatch, log_format: str | None, wanted: bool
) -> None:
    from flasgo.serving.runner import _config

    monkeypatch.delenv("FLASGO_LOG_FORMAT", raising=False)
    if log_format:
        monkeypatch.setenv("FLASGO_LOG_FORMAT", log_format)
    monkeypatch.setenv("FLASGO_ACCESS_LOG_QUERY", str(wanted).lower())
    monkeypatch.setattr("logging.config.dictConfig", lambda config: None)
    config = _config({"access_log": True, "log_level": "info"}, None)
    assert config.access_log is (log_format is None), "the app logs requests then, once"
    assert isinstance(config.log_config, dict)
    for name in ("uvicorn.access", "uvicorn.error"):
        assert config.log_config["loggers"].get(name, {}).get("filters", []) == (
            [] if wanted else ["flasgo"]
        )
