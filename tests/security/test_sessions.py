"""SEC-3: sessions in a signed cookie."""

import base64
import logging
from urllib.parse import quote

import pytest
from flasgo import Flasgo, FlasgoError, SettingError, hookimpl
from flasgo_security import Session, session
from flasgo_security.sessions.session import InvalidSessionError, SessionCodec
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
    with pytest.raises(Exception, match=r"takes a cookie of 6\d\d\d bytes") as caught:
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
