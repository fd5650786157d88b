"""SEC-3: sessions on the server, in a real Redis."""

import asyncio
import importlib.util
import json
import logging

import pytest
from flasgo import ConfigurationError, Flasgo, FlasgoError, SettingError
from flasgo_security import StoreDownError, csrf_exempt
from flasgo_security.sessions.session import Session, SessionCodec
from flasgo_security.sessions.store import RedisSessionStore
from flasgo_security.signing import PurposeSigner
from flasgo_security.stores.redis_pool import RedisPool

KEY = "0123456789abcdefghijklmnopqrstuvwxyz"
LIFETIME = 14 * 24 * 60 * 60


def add_routes(app: Flasgo) -> Flasgo:
    app.state.gates = {}

    @app.get("/plain")
    async def plain():
        return {}

    @app.get("/read")
    async def read(request):
        return {"data": dict(request.session), "new": request.session.new}

    @app.get("/id")
    async def identifier(request):
        return request.session.id

    @app.get("/set/<key>/<value>")
    async def set_one(request, key, value):
        request.session[key] = value
        return {}

    @app.get("/slow/<key>/<value>")
    async def slow(request, key, value):
        request.session[key] = value
        await app.state.gates["slow"].wait()
        return {}

    @app.get("/nested/<item>")
    async def nested(request, item):
        request.session.setdefault("items", []).append(item)
        return {}

    @app.get("/pop/<key>")
    async def pop(request, key):
        request.session.pop(key, None)
        return {}

    add_routes_that_end_things(app)
    return app


def add_routes_that_end_things(app: Flasgo) -> None:
    @app.get("/regenerate")
    async def regenerate(request):
        request.session.regenerate()
        request.session["regenerated"] = True
        return {}

    @app.get("/slow-regenerate")
    async def slow_regenerate(request):
        request.session.regenerate()
        await app.state.gates["slow"].wait()
        return {}

    @app.get("/clear")
    async def clear(request):
        request.session.clear()
        return {}

    @app.get("/restart")
    async def restart(request):
        request.session.clear()
        request.session["fresh"] = True
        return {}

    @app.get("/big")
    async def big(request):
        request.session["blob"] = "x" * 300_000
        return {}

    @app.get("/odd")
    async def odd(request):
        request.session["thing"] = object()
        return {}

    @app.get("/token")
    async def token(request):
        return request.csrf_token

    @app.post("/act")
    async def act():
        return {}

    @app.post("/hook/<value>")
    @csrf_exempt
    async def hook(request, value):
        request.session["value"] = value
        return {}


@pytest.fixture
def app(make_shared_app, redis) -> Flasgo:
    return add_routes(
        make_shared_app(
            SESSION_STORE_URI=redis.uri,
            SESSION_STORE_TIMEOUT_SECONDS=1.0,
            SESSION_COOKIE_SECURE=False,
            CSRF_COOKIE_SECURE=False,
        )
    )


class Browser:
    """Keeps cookies."""

    def __init__(self, call, app) -> None:
        self._call, self._app = call, app
        self.cookies: dict[str, str] = {}

    def headers(self) -> list[tuple[bytes, bytes]]:
        text = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return [(b"cookie", text.encode())] if text else []

    def take(self, answer):
        for cookie in answer.headers("set-cookie"):
            pair, _, attributes = cookie.partition(";")
            name, _, value = pair.partition("=")
            if "Max-Age=0" in attributes:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return answer

    def __call__(self, path: str, method: str = "GET", **options):
        headers = [*self.headers(), *options.pop("headers", [])]
        return self.take(self._call(self._app, path, method, headers=headers, **options))

    def data(self) -> dict[str, object]:
        return json.loads(self("/read").body)["data"]


@pytest.fixture
def browser(call, app) -> Browser:
    return Browser(call, app)


# --- What lies where ----------------------------------------------------------------------------


def test_the_cookie_holds_a_signed_identifier_and_the_store_the_data(browser, redis):
    browser("/set/user/ann")
    text = browser.cookies["session"]
    identifier = browser("/id").body.decode()
    assert text.startswith(f"{identifier}.")
    assert len(identifier) >= 22
    assert "ann" not in text
    [key] = redis.all_keys()
    assert key.startswith("flasgo:session:")
    assert identifier not in key
    assert browser.data() == {"user": "ann"}


def test_the_store_forgets_when_the_time_is_over(browser, redis):
    browser("/set/user/ann")
    [key] = redis.all_keys()
    seconds = int(redis.command(b"TTL", key.encode()).removeprefix(b":"))
    assert LIFETIME - 60 < seconds <= LIFETIME


def test_without_the_setting_nothing_is_fetched(make_app):
    app = make_app()
    app.get("/")(lambda: "x")
    assert not [stage for stage in app.explain(app.routes[0]) if "sessions" in stage.plugin]


def test_a_request_without_a_session_cookie_asks_nobody(app, call, redis):
    redis.stop()
    for cookie in (b"other=1", b"session=", b""):
        assert call(app, "/plain", headers=[(b"cookie", cookie)]).status == 200
    assert call(app, "/read").body == b'{"data":{},"new":true}'


def test_vary_exactly_when_read_and_no_cookie_when_nothing_changed(browser):
    browser("/set/user/ann")
    plain = browser("/plain")
    assert plain.header("vary") is None
    assert plain.headers("set-cookie") == []
    read = browser("/read")
    assert read.header("vary") == "Cookie"
    assert read.headers("set-cookie") == []


def test_a_change_inside_is_noticed(browser):
    browser("/nested/a")
    browser("/nested/b")
    assert browser.data() == {"items": ["a", "b"]}


def test_reading_an_empty_session_stores_nothing(browser, redis):
    answer = browser("/read")
    assert answer.headers("set-cookie") == []
    assert redis.all_keys() == []


# --- Ending and changing ------------------------------------------------------------------------


def test_regenerate_rotates_the_identifier_and_the_old_one_is_worthless(browser, app, call, redis):
    browser("/set/user/ann")
    old = dict(browser.cookies)
    browser("/regenerate")
    assert browser.cookies["session"] != old["session"]
    assert browser.data() == {"user": "ann", "regenerated": True}
    assert len(redis.all_keys()) == 1
    thief = Browser(call, app)
    thief.cookies = old
    assert thief.data() == {}


def test_clear_deletes_and_a_replayed_cookie_is_an_empty_session(browser, app, call, redis, caplog):
    browser("/set/user/ann")
    old = dict(browser.cookies)
    browser("/clear")
    assert "session" not in browser.cookies
    assert redis.all_keys() == []
    thief = Browser(call, app)
    thief.cookies = dict(old)
    assert thief.data() == {}
    thief("/set/user/thief")
    assert thief.cookies["session"].partition(".")[0] != old["session"].partition(".")[0]
    assert caplog.records == []


def test_what_is_added_after_clear_is_a_new_session(browser, redis):
    browser("/set/user/ann")
    old = browser.cookies["session"]
    browser("/restart")
    assert browser.cookies["session"].partition(".")[0] != old.partition(".")[0]
    assert browser.data() == {"fresh": True}
    assert len(redis.all_keys()) == 1


def test_an_emptied_session_is_gone(browser, redis):
    browser("/set/user/ann")
    browser("/pop/user")
    assert redis.all_keys() == []
    assert "session" not in browser.cookies


def test_a_session_can_be_revoked(browser, app, runner):
    browser("/set/user/ann")
    identifier = browser("/id").body.decode()
    assert runner.run(app.revoke_session(identifier)) is True
    assert runner.run(app.revoke_session(identifier)) is False
    assert browser.data() == {}


def test_sessions_in_cookies_cannot_be_revoked(make_app, runner):
    with pytest.raises(ConfigurationError, match="SESSION_STORE_URI"):
        runner.run(make_app().revoke_session("x"))


def test_an_unknown_identifier_is_never_taken_up(browser, redis):
    """CWE-384: a planted cookie, signed by this very app, does not become a session."""
    browser("/set/user/ann")
    planted = browser.cookies["session"]
    redis.command(b"FLUSHALL")
    browser("/set/user/bob")
    assert browser.cookies["session"].partition(".")[0] != planted.partition(".")[0]


# --- At the same time ---------------------------------------------------------------------------


async def _while_slow(app, slow_path, browser, *paths):
    """Start a slow request, run others meanwhile, let the slow one end; return all answers."""
    gate = app.state.gates["slow"] = asyncio.Event()
    send = browser._call._exchange
    slow = asyncio.create_task(send(app, slow_path, "GET", headers=browser.headers()))
    await asyncio.sleep(0.05)
    meanwhile = [await send(app, path, "GET", headers=browser.headers()) for path in paths]
    gate.set()
    return [*meanwhile, await slow]


def test_concurrent_writes_of_different_keys_are_all_kept(browser, app, call, runner):
    browser("/set/user/ann")

    async def write_all():
        send = call._exchange
        await asyncio.gather(
            *(send(app, f"/set/key{n}/{n}", "GET", headers=browser.headers()) for n in range(30))
        )

    runner.run(write_all())
    assert browser.data() == {"user": "ann", **{f"key{n}": str(n) for n in range(30)}}


def test_of_one_key_the_last_write_stays(browser, app, runner):
    browser("/set/user/ann")
    runner.run(_while_slow(app, "/slow/user/late", browser, "/set/user/early"))
    assert browser.data() == {"user": "late"}


def test_a_late_write_does_not_revive_a_session_that_was_ended(browser, app, runner, redis):
    browser("/set/user/ann")
    answers = runner.run(_while_slow(app, "/slow/cart/full", browser, "/clear"))
    assert redis.all_keys() == []
    assert answers[-1].status == 200
    assert answers[-1].headers("set-cookie") == []


def test_a_late_write_does_not_undo_a_log_in(browser, app, runner, redis):
    browser("/set/user/ann")
    regenerated, late = runner.run(_while_slow(app, "/slow/cart/full", browser, "/regenerate"))
    assert late.headers("set-cookie") == []
    browser.take(regenerated)
    browser.take(late)
    assert browser.data() == {"user": "ann", "regenerated": True}
    assert len(redis.all_keys()) == 1


def test_what_was_written_meanwhile_moves_along_to_the_new_identifier(browser, app, runner):
    browser("/set/user/ann")
    *_, moved = runner.run(_while_slow(app, "/slow-regenerate", browser, "/set/cart/full"))
    browser.take(moved)
    assert browser.data() == {"user": "ann", "cart": "full"}


def test_a_revoked_session_cannot_save_itself_by_a_new_identifier(browser, app, runner, redis):
    browser("/set/user/ann")
    runner.run(_while_slow(app, "/slow-regenerate", browser, "/clear"))
    assert redis.all_keys() == []


# --- Hostile cookies ----------------------------------------------------------------------------


def signed(purpose: str, value: str) -> str:
    return PurposeSigner(purpose, KEY).sign(value)


@pytest.mark.parametrize(
    ("text", "is_event"),
    [
        ("x", True),
        ("a.b.c", True),
        ("a" * 600, True),
        ('"', True),
        (signed("csrf", "id.1000000"), True),
        (signed("session", "id.1000000"), True),
        (SessionCodec(PurposeSigner("session", KEY), 60).dumps(Session({"user": "root"})), True),
        (PurposeSigner("session-id", "other" * 8).sign("id.1000000"), True),
        (signed("session-id", "id"), False),
        (signed("session-id", "id.x"), False),
        (signed("session-id", "id.-5"), False),
    ],
)
def test_other_cookies_are_empty_sessions_and_go(app, call, caplog, text, is_event):
    answer = call(app, "/read", headers=[(b"cookie", f"session={text}".encode())])
    assert answer.body == b'{"data":{},"new":true}'
    assert "Max-Age=0" in answer.header("set-cookie")
    assert [record.event for record in caplog.records] == ["session"] * is_event
    assert text not in caplog.text or len(text) < 3


def test_a_session_expires(browser, clock):
    browser("/set/user/ann")
    clock.advance(LIFETIME)
    assert browser.data() == {"user": "ann"}
    clock.advance(1)
    assert browser.data() == {}
    assert "session" not in browser.cookies


@pytest.mark.parametrize("length", [513, 5000])
def test_length_is_checked_before_the_signature(app, call, caplog, length):
    answer = call(app, "/read", headers=[(b"cookie", b"session=" + b"x" * length)])
    assert answer.status == 200
    assert [record.reason for record in caplog.records] == ["the session cookie is too long"]


def test_guesses_never_reach_the_store(app, call, redis):
    redis.stop()
    answer = call(app, "/read", headers=[(b"cookie", b"session=guess.1.signature")])
    assert answer.status == 200


def test_a_new_key_with_the_old_one_as_fallback_keeps_sessions(
    browser, make_shared_app, redis, call
):
    browser("/set/user/ann")
    new = add_routes(
        make_shared_app(
            SECRET_KEY="n" * 8 + "abcdefghijklmnopqrstuvwxyz",
            SECRET_KEY_FALLBACKS=[KEY],
            SESSION_STORE_URI=redis.uri,
            SESSION_COOKIE_SECURE=False,
        )
    )
    second = Browser(call, new)
    second.cookies = dict(browser.cookies)
    assert second.data() == {"user": "ann"}


def test_two_apps_with_other_prefixes_share_nothing(browser, make_shared_app, redis, call):
    browser("/set/user/ann")
    other = add_routes(
        make_shared_app(
            SESSION_STORE_URI=redis.uri, SESSION_STORE_PREFIX="other:", SESSION_COOKIE_SECURE=False
        )
    )
    second = Browser(call, other)
    second.cookies = dict(browser.cookies)
    assert second.data() == {}


def test_a_session_that_is_too_large_names_its_size_and_key(browser, caplog):
    assert browser("/big").status == 500
    assert "300002 bytes" in caplog.text
    assert "'blob'" in caplog.text


def test_a_value_that_is_not_json_is_named(browser, caplog):
    assert browser("/odd").status == 500
    assert "session['thing'] holds object" in caplog.text


# --- CSRF ---------------------------------------------------------------------------------------


def test_tokens_are_bound_to_the_stored_session(browser):
    browser("/set/user/ann")
    token = browser("/token").body
    assert browser("/act", "POST", headers=[(b"x-csrf-token", token)]).status == 200
    old = browser.cookies["csrf"]
    browser("/regenerate")
    assert browser.cookies["csrf"] != old
    assert browser("/act", "POST", headers=[(b"x-csrf-token", token)]).status == 403


# --- The store is down --------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["stop", "freeze"])
def test_while_the_store_is_down_it_fails_closed_then_recovers(
    browser, app, call, redis, patience, caplog, way
):
    browser("/set/user/ann")
    getattr(redis, way)()
    with caplog.at_level(logging.INFO, "flasgo.security"):
        answer = browser("/read")
        assert answer.status == 503
        assert answer.header("retry-after") == "1"
        assert b"Sessions are not available" in answer.body
        assert browser("/set/user/bob").status == 503
        # A new visitor's session cannot be kept, so it is not promised either.
        refused = call(app, "/set/user/bob")
        assert refused.status == 503
        assert refused.headers("set-cookie") == []
        assert refused.header("x-frame-options") == "DENY"
        # Who needs no session is served.
        assert browser("/plain").status == 200
        redis.thaw()
        redis.start()
        assert patience.until(lambda: browser("/set/user/cid").status == 200)
    assert browser.data()["user"] == "cid"
    events = [record.event for record in caplog.records if hasattr(record, "event")]
    assert events.count("store_down") == 1
    assert events.count("store_up") == 1


def test_many_requests_do_not_wait_for_a_store_that_hangs(browser, app, call, redis, runner):
    """Bounded by the test's own patience: 200 requests, one timeout of a second and not 200."""
    browser("/set/user/ann")
    redis.freeze()

    async def all_of_them():
        send = call._exchange
        asked = (send(app, "/read", "GET", headers=browser.headers()) for _ in range(200))
        async with asyncio.timeout(20):
            return [answer.status for answer in await asyncio.gather(*asked)]

    try:
        assert runner.run(all_of_them()) == [503] * 200
    finally:
        redis.thaw()


@pytest.mark.parametrize("family", ["redis", "valkey"])
async def test_an_answer_never_reaches_another_request(redis, family):
    """A request that was given up leaves an answer on the line (redis-py, CVE-2023-28859)."""
    pytest.importorskip(family)
    pool = RedisPool("SESSION_STORE_URI", redis.uri.replace("redis", family), 10.0)
    store = RedisSessionStore(pool, "mixed:")
    for name in ("ann", "bob"):
        await store.merge(name, {"user": name.encode()}, (), lifetime=60, create=True)
    for _ in range(3):
        redis.freeze()
        given_up = [asyncio.ensure_future(store.load("ann")) for _ in range(4)]
        await asyncio.wait(given_up, timeout=0.05)  # sent, and nobody answers
        for task in given_up:
            task.cancel()
        await asyncio.wait(given_up)
        redis.thaw()
        answers = await asyncio.gather(*(store.load("bob") for _ in range(8)))
        assert answers == [{"user": b"bob"}] * 8
    await store.close()


def test_a_restarted_store_costs_no_request(browser, redis):
    browser("/set/user/ann")
    redis.stop()
    redis.start()
    assert browser("/set/user/bob").status == 200


def test_revoking_says_that_the_store_is_down(app, runner, redis):
    redis.stop()
    with pytest.raises(StoreDownError):
        runner.run(app.revoke_session("x"))


def test_a_store_that_takes_no_more_still_gives(browser, redis, caplog):
    browser("/set/user/ann")
    redis.command(b"CONFIG", b"SET", b"maxmemory", b"1")
    for _ in range(3):
        assert browser("/set/user/bob").status == 503
        assert browser.data() == {"user": "ann"}  # writers do not shut out readers
    assert caplog.text.count("refuses commands: OutOfMemoryError") == 1
    redis.command(b"CONFIG", b"SET", b"maxmemory", b"0")
    assert browser("/set/user/bob").status == 200


# --- Settings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "uri", ["localhost:6379", "http://localhost", "redis:", "memcached://x", "mysql://u:geheim@h/"]
)
def test_wrong_uris_stop_the_app_without_being_shown(make_app, uri):
    with pytest.raises(SettingError, match="SESSION_STORE_URI") as caught:
        make_app(SESSION_STORE_URI=uri)
    assert "geheim" not in str(caught.value)


def test_a_malformed_uri_stops_the_app_without_being_shown(make_app):
    with pytest.raises(FlasgoError, match="SESSION_STORE_URI") as caught:
        make_app(SESSION_STORE_URI="redis://:geheim@host:port/0")
    assert "geheim" not in str(caught.value)


def test_a_missing_client_is_an_install_command(make_app, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "redis.asyncio", None)
    with pytest.raises(FlasgoError, match=r"pip install 'flasgo-security\[redis\]'"):
        make_app(SESSION_STORE_URI="redis://localhost")


def test_valkeys_client_works_too(make_shared_app, redis, call):
    if importlib.util.find_spec("valkey") is None:
        pytest.skip("valkey is not installed")
    app = add_routes(
        make_shared_app(
            SESSION_STORE_URI=redis.uri.replace("redis", "valkey"), SESSION_COOKIE_SECURE=False
        )
    )
    browser = Browser(call, app)
    browser("/set/user/ann")
    browser("/regenerate")
    assert browser.data() == {"user": "ann", "regenerated": True}
