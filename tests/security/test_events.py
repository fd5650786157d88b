"""Security events: structured, on one line, without secrets."""

import logging

import pytest
from flasgo import Flasgo
from flasgo_security import security_event
from flasgo_security.events import loggable
from flasgo_security.stores.health import StoreDownError, StoreHealth


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/plain", "/plain"),
        ("/a\r\nb", "/a\\r\\nb"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\u2028é", "\\u2028\\xe9"),
        ("\ud800", "\\ud800"),
        ("it's", "it's"),
    ],
)
def test_text_from_outside_is_one_line_of_ascii(text, shown):
    assert loggable(text) == shown


@pytest.mark.parametrize("text", ["a" * 10_000, "\n" * 10_000, "é" * 256])
def test_text_from_outside_is_short(text):
    assert len(loggable(text)) <= 256


def test_an_event_has_fields(make_app, connect, caplog):
    app = make_app()

    @app.get("/<path:rest>")
    async def page(request, rest):
        request.app.security_event("probe", request, "looks odd\r\nGET /")
        return request.security_events

    with caplog.at_level(logging.WARNING, "flasgo.security"):
        answer = connect(app).get("/x")
    assert answer.content == b'["probe"]'
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert (record.event, record.reason, record.client_ip, record.method, record.path) == (
        "probe", "looks odd\\r\\nGET /", "192.0.2.1", "GET", "/x",
    )  # fmt: skip
    assert "\n" not in record.getMessage()


def test_without_the_plugin_it_only_logs(connect, caplog):
    app = Flasgo(discover=False)

    @app.get("/")
    async def page(request):
        security_event("probe", request, "odd")
        return "ok"

    assert connect(app).get("/").status_code == 200
    assert [record.event for record in caplog.records if record.name == "flasgo.security"] == [
        "probe"
    ]


async def test_one_formatter_fits_all_events(make_app, connect, caplog, clock):
    app = make_app(SECURITY_FAILURE_RATE_LIMIT=1)
    app.get("/")(lambda: "x")

    async def broken():
        raise ConnectionResetError

    health = StoreHealth("The store", 1.0, clock=clock)
    with pytest.raises(StoreDownError):
        await health.ask(broken)
    await connect(app).aget("/", headers={"host": "evil.example"})
    formatter = logging.Formatter("%(event)s|%(reason)s|%(client_ip)s|%(method)s|%(path)s")
    told = {record.event: formatter.format(record) for record in caplog.records}
    assert told["store_down"] == "store_down|ConnectionResetError|||"
    assert told["throttled"] == "throttled|1 failed requests|192.0.2.1||"
    assert told["host"].endswith("|192.0.2.1|GET|/")
