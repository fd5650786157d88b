"""SEC-3: sessions in a signed cookie."""

import base64
import logging
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import quote
from uuid import UUID

import pytest
from flasgo import Flasgo, FlasgoError, SettingError, hookimpl
from flasgo_security import Session, session
from flasgo_security.sessions.codec import SessionCodec
from flasgo_security.sessions.stamps import InvalidSessionError, Stamp
from flasgo_security.signing import PurposeSigner
from flasgo_testing import TestClient
from hypothesis import given, strategies as st

KEY = "k" * 32
TWO_WEEKS = 14 * 24 * 60 * 60


@pytest.fixture
def app(make_app) -> Flasgo:
    app = make_app(SESSION_COOKIE_SECURE=False, CSRF_ENABLED=False)

    @app.get("/plain")
    async def plain():
        return {}

    @app.get("/read")
    async def read(request):
        return {"data": dict(request.session), "new": request.session.new}

    @app.get("/write")
    async def write(request):
        request.session["user"] = "ann"
        request.session["cart"] = {"items": [1]}
        return {}

    @app.get("/nested")
    async def nested(request):
        request.session["cart"]["items"].append(2)
        return {}

    @app.get("/regenerate")
    async def regenerate(request):
        before = request.session.id
        request.session.regenerate()
        return {"changed": before != request.session.id}

    @app.get("/clear")
    async def clear(request):
        request.session.clear()
        return {}

    @app.get("/pop")
    async def pop(request):
        request.session.pop("user", None)
        request.session.pop("cart", None)
        return {}

    @app.get("/big")
    async def big(request):
        request.session["blob"] = "x" * 5000
        return {}

    @app.get("/odd")
    async def odd(request):
        request.session["thing"] = object()
        return {}

    @app.get("/global")
    def from_a_thread():
        session["seen"] = True
        return {"seen": session["seen"]}

    return app


@pytest.fixture
def client(app) -> TestClient:
    return TestClient(app)


def set_cookies(response) -> list[str]:
    return response.headers.get_list("set-cookie")


# --- The mapping --------------------------------------------------------------------------------


def test_it_is_a_mapping():
    data = Session()
    assert data.new
    assert not data
    assert not data.modified
    data["a"] = 1
    data.update(b=2)
    assert data.setdefault("c", 3) == 3
    assert data.get("d") is None
    assert data.get("d", 4) == 4
    assert "a" in data
    assert list(data) == ["a", "b", "c"]
    assert data.pop("a") == 1
    del data["b"]
    assert dict(data) == {"c": 3}
    assert data.modified
    with pytest.raises(KeyError):
        data["missing"]


def test_keys_are_text():
    with pytest.raises(TypeError, match="Session keys are str"):
        Session()[1] = "x"  # ty: ignore[invalid-assignment]


def test_the_identifier_lives_until_it_is_changed():
    data = Session({"a": 1}, "fixed", b'{"a":1}')
    assert data.id == "fixed"
    assert not data.has_new_binding
    data.regenerate()
    assert data.id not in ("", "fixed")
    assert data.id == data.id
    assert data.has_new_binding
    assert data.modified
    assert dict(data) == {"a": 1}
    data.clear()
    assert data.binding == ""
    assert dict(data) == {}


def test_repr_shows_no_values():
    assert "hunter2" not in repr(Session({"password": "hunter2"}))


# --- The codec ----------------------------------------------------------------------------------


@pytest.fixture
def codec(clock) -> SessionCodec:
    return SessionCodec(PurposeSigner("session", KEY), TWO_WEEKS, clock)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=10), json_values, max_size=4))
def test_data_survives_the_round_trip_and_is_not_modified(data):
    codec = SessionCodec(PurposeSigner("session", KEY), TWO_WEEKS)
    text = codec.dumps(Session(data))
    if len(text) > 4096:
        return
    assert text.isascii()
    assert quote(text, safe="-_.") == text
    loaded = codec.loads(text)
    assert dict(loaded) == data
    assert not loaded.modified
    assert not loaded.new


@given(st.text(max_size=200))
def test_no_other_text_is_a_session(text):
    codec = SessionCodec(PurposeSigner("session", KEY), TWO_WEEKS)
    with pytest.raises(InvalidSessionError) as caught:
        codec.loads(text)
    assert caught.value.is_suspicious


@given(st.data())
def test_no_character_can_be_changed(data):
    codec = SessionCodec(PurposeSigner("session", KEY), TWO_WEEKS, lambda: 1_000_000)
    text = codec.dumps(Session({"user": "ann"}, "id"))
    position = data.draw(st.integers(0, len(text) - 1))
    character = data.draw(st.characters(exclude_characters=text[position]))
    with pytest.raises(InvalidSessionError):
        codec.loads(text[:position] + character + text[position + 1 :])


def test_a_session_expires(codec, clock):
    text = codec.dumps(Session({"a": 1}))
    clock.advance(TWO_WEEKS)
    assert codec.loads(text)["a"] == 1
    clock.advance(1)
    with pytest.raises(InvalidSessionError, match="expired") as caught:
        codec.loads(text)
    assert not caught.value.is_suspicious


def test_a_clock_that_is_behind_does_no_harm(codec, clock):
    text = codec.dumps(Session({"a": 1}))
    clock.advance(-30)
    assert codec.loads(text)["a"] == 1


def test_length_is_checked_before_the_signature():
    class Counting(PurposeSigner):
        calls = 0

        def unsign(self, signed):
            Counting.calls += 1
            return super().unsign(signed)

    codec = SessionCodec(Counting("session", KEY), TWO_WEEKS)
    with pytest.raises(InvalidSessionError, match="too long"):
        codec.loads("a" * 4097)
    assert Counting.calls == 0


@pytest.mark.parametrize("value", ["", "a.b", "a.b.c", "....", "W10.id.1000000", "e30.id.never"])
def test_a_signed_text_of_another_format_is_no_session(codec, value):
    text = PurposeSigner("session", KEY).sign(value)
    with pytest.raises(InvalidSessionError, match="another format"):
        codec.loads(text)


# --- Requests -----------------------------------------------------------------------------------


def test_a_request_that_does_not_ask_costs_nothing(client):
    client.get("/write")
    response = client.get("/plain")
    assert "vary" not in response.headers
    assert set_cookies(response) == []


def test_written_read_and_not_written_again(client):
    written = client.get("/write")
    assert len(set_cookies(written)) == 1
    response = client.get("/read")
    assert response.json() == {"data": {"user": "ann", "cart": {"items": [1]}}, "new": False}
    assert set_cookies(response) == []
    assert response.headers["vary"] == "Cookie"
    assert response.headers["cache-control"] == "no-store"


def test_a_change_inside_is_noticed(client):
    client.get("/write")
    assert len(set_cookies(client.get("/nested"))) == 1
    assert client.get("/read").json()["data"]["cart"] == {"items": [1, 2]}


def test_reading_an_empty_session_sets_no_cookie(client):
    response = client.get("/read")
    assert response.json() == {"data": {}, "new": True}
    assert set_cookies(response) == []
    assert response.headers["vary"] == "Cookie"


@pytest.mark.parametrize("path", ["/clear", "/pop"])
def test_an_emptied_session_deletes_the_cookie(client, path):
    client.get("/write")
    [cookie] = set_cookies(client.get(path))
    assert cookie.startswith("session=;")
    assert "Max-Age=0" in cookie
    assert client.get("/read").json() == {"data": {}, "new": True}
    assert set_cookies(client.get(path)) == []


def test_regenerate_keeps_the_data(client):
    client.get("/write")
    before = client.cookies["session"]
    assert client.get("/regenerate").json() == {"changed": True}
    assert client.cookies["session"] != before
    assert client.get("/read").json()["data"]["user"] == "ann"


def test_the_global_works_in_threads(client):
    assert client.get("/global").json() == {"seen": True}
    assert client.get("/read").json()["data"] == {"seen": True}


def test_the_global_is_an_error_outside_of_a_request():
    with pytest.raises(RuntimeError, match="while a request is being served"):
        session["user"]


def test_a_session_that_is_too_large_names_its_size_and_keys(app):
    client = TestClient(app)
    with pytest.raises(Exception, match=r"takes 6\d\d\d bytes of its cookie") as caught:
        client.get("/big")
    assert "'blob'" in str(caught.value)
    answer = TestClient(app, raise_server_exceptions=False).get("/big")
    assert answer.status_code == 500
    assert answer.headers["x-frame-options"] == "DENY"
    assert set_cookies(answer) == []


def test_a_replaced_session_is_a_named_error(make_app, connect, caplog):
    app = make_app()

    @app.get("/")
    async def replace(request):
        request.session = {"user": "ann"}
        return {}

    assert connect(app).get("/").status_code == 500
    assert "request.session was replaced by dict" in caplog.text


def test_a_value_that_is_not_json_is_named(client):
    with pytest.raises(Exception, match=r"session\['thing'\] holds object"):
        client.get("/odd")


def test_a_signed_cookie_of_another_key_is_an_event_an_empty_session_and_goes(
    app, make_app, caplog
):
    forged = SessionCodec(PurposeSigner("session", "other" * 8), TWO_WEEKS).dumps(
        Session({"user": "root"})
    )
    client = TestClient(app, cookies={"session": forged})
    with caplog.at_level(logging.WARNING, "flasgo.security"):
        response = client.get("/read")
    assert response.json() == {"data": {}, "new": True}
    assert "Max-Age=0" in set_cookies(response)[0]
    [record] = caplog.records
    assert record.event == "session"
    assert forged not in caplog.text


@pytest.mark.parametrize("value", ["a" * 5000, "x", ".", "a.b.c.d", '"', "%00", "é"])
def test_hostile_cookies_are_empty_sessions(app, connect, value, caplog):
    answer = connect(app).get("/read", headers=[(b"cookie", f"session={value}".encode())])
    assert answer.status_code == 200
    assert answer.content == b'{"data":{},"new":true}'
    assert [record.event for record in caplog.records] == ["session"]


def test_an_expired_session_is_no_event(app, client, clock, caplog):
    client.get("/write")
    text = client.cookies["session"]
    clock.advance(TWO_WEEKS + 1)
    response = client.get("/read", cookies={"session": text})
    assert response.json()["data"] == {}
    assert "Max-Age=0" in set_cookies(response)[0]
    assert caplog.records == []


def test_a_new_key_with_the_old_one_as_fallback_keeps_sessions(app, make_app, clock):
    old = make_app(SECRET_KEY="o" * 20 + "abcdefghijklmnopqrst", SESSION_COOKIE_SECURE=False)
    new = make_app(
        SECRET_KEY="n" * 20 + "abcdefghijklmnopqrst",
        SECRET_KEY_FALLBACKS=["o" * 20 + "abcdefghijklmnopqrst"],
        SESSION_COOKIE_SECURE=False,
    )

    @old.get("/")
    async def write(request):
        request.session["user"] = "ann"

    @new.get("/")
    async def read(request):
        return dict(request.session)

    first = TestClient(old)
    first.get("/")
    second = TestClient(new, cookies={"session": first.cookies["session"]})
    assert second.get("/").json() == {"user": "ann"}


@pytest.mark.parametrize(
    ("own", "sent"),
    [
        ("public, max-age=60", "private, max-age=60"),
        ("s-maxage=60", "private"),
        ("no-store", "no-store"),
    ],
)
def test_a_handlers_shared_caching_is_withdrawn_where_a_session_was_read(
    make_app, connect, own, sent
):
    app = make_app()

    @app.get("/")
    async def page(request):
        request.session.get("user")
        return "page", 200, {"cache-control": own, "vary": "Accept"}

    answer = connect(app).get("/")
    assert answer.headers.get_list("cache-control") == [sent]
    assert answer.headers.get_list("vary") == ["Accept, Cookie"]


def test_a_session_read_before_the_handler_counts_too(make_app, connect):
    app = make_app()
    app.before_request(lambda request: request.session.get("user") and None)

    @app.get("/")
    async def page():
        return "page", 200, {"cache-control": "public"}

    assert connect(app).get("/").headers.get("cache-control") == "private"
    assert connect(app).get("/missing").headers.get("vary") == "Accept, Cookie"


def test_sessions_survive_errors(make_app):
    app = make_app(SESSION_COOKIE_SECURE=False)

    @app.get("/fail")
    async def fail(request):
        request.session["attempts"] = 1
        raise ValueError("no")

    client = TestClient(app, raise_server_exceptions=False)
    assert client.get("/fail").status_code == 500
    assert "session" in client.cookies


# --- Cookie attributes --------------------------------------------------------------------------


def cookie_of(make_app, connect, **settings) -> str:
    app = make_app(**settings)

    @app.get("/")
    async def write(request):
        request.session["a"] = 1
        return {}

    return connect(app).get("https://localhost/").headers.get("set-cookie")


def test_the_default_cookie_is_locked_down(make_app, connect):
    name, _, rest = cookie_of(make_app, connect).partition("=")
    assert name == "__Host-session"
    assert rest.partition("; ")[2] == "Max-Age=1209600; Path=/; Secure; HttpOnly; SameSite=Lax"


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"SESSION_COOKIE_SECURE": False}, "session"),
        ({"SESSION_COOKIE_PATH": "/app"}, "session"),
        ({"SESSION_COOKIE_DOMAIN": "example.com"}, "session"),
        ({"SESSION_COOKIE_NAME": "sid"}, "sid"),
        ({"SESSION_COOKIE_NAME": "__Secure-sid", "SESSION_COOKIE_PATH": "/a"}, "__Secure-sid"),
    ],
)
def test_the_prefix_is_used_where_browsers_take_it(make_app, connect, settings, name):
    assert cookie_of(make_app, connect, **settings).partition("=")[0] == name


def test_attributes_follow_the_settings(make_app, connect):
    cookie = cookie_of(
        make_app,
        connect,
        SESSION_COOKIE_SECURE=False,
        SESSION_COOKIE_HTTP_ONLY=False,
        SESSION_COOKIE_SAMESITE="strict",
        SESSION_COOKIE_DOMAIN="example.com",
        SESSION_COOKIE_PATH="/app",
        SESSION_LIFETIME_SECONDS=60,
    )
    assert cookie.partition("; ")[2] == (
        "Max-Age=60; Domain=example.com; Path=/app; SameSite=Strict"
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"SESSION_COOKIE_SAMESITE": "None", "SESSION_COOKIE_SECURE": False},
        {"SESSION_COOKIE_SAMESITE": "Sometimes"},
        {"SESSION_COOKIE_NAME": "__Host-sid", "SESSION_COOKIE_SECURE": False},
        {"SESSION_COOKIE_NAME": "__Host-sid", "SESSION_COOKIE_DOMAIN": "example.com"},
        {"SESSION_COOKIE_NAME": "__Secure-sid", "SESSION_COOKIE_SECURE": False},
        {"SESSION_COOKIE_NAME": "a b"},
        {"SESSION_COOKIE_NAME": "a=b; Domain=evil"},
        {"SESSION_COOKIE_NAME": ""},
        {"SESSION_COOKIE_PATH": "app"},
        {"SESSION_COOKIE_PATH": "/; Domain=evil"},
        {"SESSION_COOKIE_DOMAIN": "a;b"},
        {"SESSION_LIFETIME_SECONDS": 0},
        {"SESSION_COOKIE_SECURE": "yes"},
    ],
)
def test_attributes_that_browsers_would_refuse_stop_the_app(make_app, settings):
    with pytest.raises(FlasgoError, match="SESSION_") as caught:
        make_app(**settings)
    # What concerns several settings is found when the plugin reads them.
    assert isinstance(caught.value, SettingError) or isinstance(
        caught.value.__cause__, SettingError
    )


def test_debug_warns_once_of_secure_cookies_over_http(make_app, connect, caplog):
    app = make_app(DEBUG=True)

    @app.get("/")
    async def write(request):
        request.session["a"] = 1
        return {}

    connect(app).get("https://localhost/")
    assert caplog.records == []
    connect(app).get("/")
    connect(app).get("/")
    assert [
        record.message for record in caplog.records if "SESSION_COOKIE_SECURE" in record.message
    ]
    assert len(caplog.records) == 1


def test_the_payload_is_readable_but_signed(client):
    client.get("/write")
    payload = client.cookies["session"].partition(".")[0]
    decoded = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    assert decoded == b'{"user":"ann","cart":{"items":[1]}}'


def test_a_later_plugin_may_write_the_session_while_finalizing(make_app):
    class Early:
        name = "early"

        @hookimpl(before=("security",))
        def response_finalize(self, request, response):
            request.session["seen"] = True

    app = make_app(Early(), SESSION_COOKIE_SECURE=False)
    app.get("/")(lambda: "x")
    client = TestClient(app)
    client.get("/")
    assert "session" in client.cookies


# --- What a session can hold --------------------------------------------------------------------


def test_it_can_be_joined_like_any_mapping():
    data = Session()
    same = data
    data |= {"a": 1}
    data |= [("b", 2)]
    assert data is same
    assert dict(data) == {"a": 1, "b": 2}
    assert data | {"b": 3} == {"a": 1, "b": 3}
    assert {"b": 3, "c": 4} | data == {"b": 2, "c": 4, "a": 1}
    assert data.copy() == {"a": 1, "b": 2}
    assert data.modified
    with pytest.raises(TypeError):
        data | 1  # ty: ignore[unsupported-operator]
    with pytest.raises(TypeError, match="Session keys are str"):
        data |= {1: 2}  # ty: ignore[unsupported-operator]


def test_a_handler_may_join_what_it_is_given(make_app, connect):
    app = make_app(SESSION_COOKIE_SECURE=False)

    @app.get("/")
    async def home(request):
        request.session |= {"a": 1}
        local = request.session
        local |= {"b": 2}
        return {**(session | {"c": 3})}

    @app.get("/read")
    async def read(request):
        return dict(request.session)

    client = connect(app)
    assert client.get("/").json() == {"a": 1, "b": 2, "c": 3}
    assert client.get("/read").json() == {"a": 1, "b": 2}


class Text(str):
    """A str with markup, as template engines have it."""


class Number(int):
    """A number of its own type."""


def endless() -> list[object]:
    value: list[object] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    ("value", "comes_back"),
    [
        (Text("<b>"), "<b>"),
        ([Text("a"), {Text("k"): Text("v")}], ["a", {"k": "v"}]),
        (Number(3), 3),
        ((1, 2), [1, 2]),
        (2**80, 2**80),
        (1.5, 1.5),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00Z"),
        (UUID(int=1), str(UUID(int=1))),
        (Decimal("1.10"), "1.10"),
    ],
)
def test_what_a_session_takes_and_gives_back(codec, value, comes_back):
    data = Session()
    data["key"] = value
    loaded = codec.loads(codec.dumps(data))
    assert loaded["key"] == comes_back
    assert type(loaded["key"]) is type(comes_back)
    loaded["key"] = value
    assert not loaded.modified


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("nan"), "nan is not JSON"),
        (float("inf"), "inf is not JSON"),
        (b"bytes", "bytes is not JSON"),
        (bytearray(b"x"), "bytearray is not JSON"),
        ({1, 2}, "set is not JSON"),
        (frozenset("a"), "frozenset is not JSON"),
        ({1: 2}, "the key 1 of a dict in it is int"),
        ({None: 2}, "the key None"),
        ({True: 2}, "the key True"),
        ([{"a": b"deep"}], "bytes is not JSON"),
        (object(), "object is not JSON"),
        ("\ud800", "surrogates"),
        (endless(), "nested too deeply"),
        (Session({"a": 1}), "Session is not JSON"),
    ],
)
def test_what_json_would_change_is_refused_where_it_is_written(value, reason):
    data = Session()
    for write in (data.__setitem__, data.setdefault):
        with pytest.raises(TypeError, match=r"session\['key'\]") as caught:
            write("key", value)
        assert reason in str(caught.value)
    assert dict(data) == {}


@pytest.mark.parametrize("value", [float("nan"), b"x", {1}, {1: 2}])
def test_what_gets_in_through_a_list_is_refused_before_it_is_sent(codec, value):
    data = Session({"list": []})
    data["list"].append(value)  # ty: ignore[missing-attribute]
    with pytest.raises(TypeError, match=r"session\['list'\]"):
        codec.dumps(data)


# --- For how long -------------------------------------------------------------------------------


def test_a_session_from_the_future_is_refused(codec, clock):
    text = codec.dumps(Session({"a": 1}))
    clock.advance(-60)
    assert codec.loads(text)["a"] == 1
    clock.advance(-1)
    with pytest.raises(InvalidSessionError, match="future") as caught:
        codec.loads(text)
    assert not caught.value.is_suspicious


def test_a_clock_that_was_set_back_costs_no_session(make_app, connect, clock):
    app = make_app(SESSION_COOKIE_SECURE=False)

    @app.get("/")
    async def count(request):
        request.session["n"] = 1
        return "counted"

    @app.get("/read")
    async def read(request):
        return {"n": request.session.get("n")}

    browser = connect(app)
    browser.get("/read")
    browser.get("/")
    clock.advance(-3600)
    answer = browser.get("/read")
    assert answer.json() == {"n": None}
    assert "set-cookie" not in answer.headers
    clock.advance(3600)
    assert browser.get("/read").json() == {"n": 1}


@pytest.mark.parametrize("size", [*range(2930, 3020, 7)])
def test_the_cookie_with_its_attributes_is_one_that_clients_keep(make_app, connect, size):
    app = make_app(SESSION_COOKIE_DOMAIN="example.com", SESSION_COOKIE_PATH="/somewhere")

    @app.get("/somewhere")
    async def put(request):
        request.session["u"] = "x" * size
        return {}

    answer = connect(app).get("/somewhere")
    if answer.status_code == 200:
        assert len(answer.headers["set-cookie"]) <= 4096
    else:
        assert answer.status_code == 500


@pytest.fixture
def lifetimes(make_app):
    def make(**settings):
        app = make_app(SESSION_COOKIE_SECURE=False, SESSION_LIFETIME_SECONDS=1000, **settings)

        @app.get("/set")
        async def set_all(request):
            query = request.query
            request.session["user"] = "ann"
            if "permanent" in query:
                request.session.permanent = query["permanent"] == "yes"
            if "lifetime" in query:
                request.session.lifetime = int(query["lifetime"])
            return {}

        @app.get("/read")
        async def read(request):
            return {
                "user": request.session.get("user"),
                "permanent": request.session.permanent,
                "lifetime": request.session.lifetime,
            }

        @app.get("/clear")
        async def clear(request):
            request.session.clear()
            request.session["user"] = "bob"
            return {}

        return app

    return make


def age_of(answer) -> str | None:
    """Return the Max-Age of the cookie that an answer sets."""
    parts = dict(part.partition("=")[::2] for part in answer.headers["set-cookie"].split("; "))
    return parts.get("Max-Age")


@pytest.mark.parametrize(
    ("settings", "query", "max_age"),
    [
        ({}, "", "1000"),
        ({"SESSION_PERMANENT": False}, "", None),
        ({"SESSION_PERMANENT": False}, "permanent=yes", "1000"),
        ({"SESSION_PERMANENT": False}, "permanent=yes&lifetime=5000", "5000"),
        ({}, "permanent=no", None),
        ({}, "lifetime=5", "5"),
    ],
)
def test_a_cookie_outlives_the_browser_or_not(lifetimes, connect, settings, query, max_age):
    client = connect(lifetimes(**settings))
    assert age_of(client.get(f"/set?{query}")) == max_age
    again = client.get("/set")
    assert "set-cookie" not in again.headers


def test_a_session_keeps_its_own_lifetime_until_it_is_cleared(lifetimes, connect, clock):
    client = connect(lifetimes())
    client.get("/set?permanent=yes&lifetime=5000")
    clock.advance(4999)
    assert client.get("/read").json() == {"user": "ann", "permanent": True, "lifetime": 5000}
    clock.advance(2)
    assert client.get("/read").json()["user"] is None
    client.get("/set?lifetime=5000")
    client.get("/clear")
    assert client.get("/read").json() == {"user": "bob", "permanent": None, "lifetime": None}
    clock.advance(1001)
    assert client.get("/read").json()["user"] is None


def test_a_session_that_ends_with_the_browser_ends_in_time_all_the_same(lifetimes, connect, clock):
    client = connect(lifetimes(SESSION_PERMANENT=False))
    client.get("/set")
    clock.advance(1001)
    assert client.get("/read").json()["user"] is None


def test_a_session_that_is_used_lives_on(lifetimes, connect, clock):
    client = connect(lifetimes(SESSION_REFRESH_SECONDS=100))
    client.get("/set")
    clock.advance(99)
    assert "set-cookie" not in client.get("/read").headers
    for _ in range(30):
        clock.advance(101)
        assert age_of(client.get("/read")) == "1000"
    assert client.get("/read").json()["user"] == "ann"
    clock.advance(1001)
    assert client.get("/read").json()["user"] is None


def test_without_the_setting_only_a_change_prolongs_it(lifetimes, connect, clock):
    client = connect(lifetimes())
    client.get("/set")
    clock.advance(999)
    assert "set-cookie" not in client.get("/read").headers
    clock.advance(2)
    assert client.get("/read").json()["user"] is None


@pytest.mark.parametrize(
    "settings", [{"SESSION_REFRESH_SECONDS": -1}, {"SESSION_REFRESH_SECONDS": 1000}]
)
def test_a_refresh_that_cannot_be_stops_the_app(lifetimes, settings):
    with pytest.raises(SettingError, match="SESSION_REFRESH_SECONDS"):
        lifetimes(**settings)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("permanent", 1, TypeError),
        ("lifetime", True, TypeError),
        ("lifetime", 1.5, TypeError),
        ("lifetime", 0, ValueError),
        ("lifetime", 10**12, ValueError),
    ],
)
def test_wrong_lifetimes_are_refused(name, value, error):
    with pytest.raises(error, match=rf"session\.{name}"):
        setattr(Session(), name, value)


times = st.integers(0, 10**12 - 1)
kinds = st.sampled_from([True, False])
seconds = st.none() | st.integers(1, 10**10 - 1)


@given(st.builds(Stamp, times, kinds, seconds) | times.map(Stamp))
def test_a_stamp_comes_back(stamp):
    assert Stamp.parse(str(stamp)) == stamp


@given(st.text("0123456789bp-+ .x", max_size=30))
def test_other_text_is_no_stamp_or_the_same(text):
    try:
        stamp = Stamp.parse(text)
    except ValueError:
        return
    assert Stamp.parse(str(stamp)) == stamp


def test_partitioned_cookies(make_app, connect):
    app = make_app(
        SESSION_COOKIE_PARTITIONED=True,
        SESSION_COOKIE_SAMESITE="None",
        CSRF_COOKIE_PARTITIONED=True,
    )

    @app.get("/")
    async def home(request):
        request.session["a"] = 1
        return request.csrf_token

    cookies = set_cookies(connect(app).get("/"))
    assert len(cookies) == 2
    assert all(cookie.endswith("; Partitioned") for cookie in cookies)
    with pytest.raises(SettingError, match="SESSION_COOKIE"):
        make_app(SESSION_COOKIE_PARTITIONED=True, SESSION_COOKIE_SECURE=False)
