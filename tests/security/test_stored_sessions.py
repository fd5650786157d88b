"""SEC-3: sessions on the server, in a real Redis."""

import asyncio
import logging
import sys
import time

import httpx2
import pytest
from flasgo import ConfigurationError, Flasgo, FlasgoError, SettingError
from flasgo_security import StoreDownError
from flasgo_security.sessions.codec import SessionCodec
from flasgo_security.sessions.session import Session
from flasgo_security.sessions.store import RedisSessionStore
from flasgo_security.signing import PurposeSigner
from flasgo_security.stores.redis_pool import RedisPool
from flasgo_testing import TestClient

KEY = "0123456789abcdefghijklmnopqrstuvwxyz"
LIFETIME = 14 * 24 * 60 * 60


async def held_up(app: Flasgo) -> None:
    """Meet the test, and meet it again when the handler is to go on."""
    await app.state.meeting.wait()
    await app.state.meeting.wait()


def add_routes(app: Flasgo) -> Flasgo:
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
        await held_up(app)
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
        await held_up(app)
        return {}

    @app.get("/slow-clear")
    async def slow_clear(request):
        request.session.clear()
        await held_up(app)
        return {}

    @app.get("/lifetime/<int:seconds>")
    async def lifetime(request, seconds):
        request.session["user"] = "ann"
        request.session.lifetime = seconds
        request.session.modified = True
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


@pytest.fixture
def make(make_app, redis):
    """Make an app that keeps its sessions in the Redis."""

    def make(**settings) -> Flasgo:
        return add_routes(
            make_app(
                **{
                    "SESSION_STORE_URI": redis.uri,
                    "SESSION_STORE_TIMEOUT_SECONDS": 1.0,
                    "SESSION_COOKIE_SECURE": False,
                    "CSRF_COOKIE_SECURE": False,
                    **settings,
                }
            )
        )

    return make


@pytest.fixture
def app(make) -> Flasgo:
    return make()


@pytest.fixture
def browser(worker, app) -> TestClient:
    return worker(app)


def data(browser: TestClient) -> dict[str, object]:
    return browser.get("/read").json()["data"]


def identifier(browser: TestClient) -> str:
    """Return what the session cookie begins with, before the time and the signature."""
    return browser.cookies["session"].partition(".")[0]


# --- What lies where ----------------------------------------------------------------------------


def test_the_cookie_holds_a_signed_identifier_and_the_store_the_data(browser, redis):
    browser.get("/set/user/somebody")
    assert identifier(browser) == browser.get("/id").text
    assert len(identifier(browser)) >= 22
    assert "somebody" not in browser.cookies["session"]
    [key] = redis.all_keys()
    assert key.startswith("flasgo:session:")
    assert identifier(browser) not in key
    assert data(browser) == {"user": "somebody"}


def test_the_store_forgets_when_the_time_is_over(browser, redis):
    browser.get("/set/user/ann")
    [key] = redis.all_keys()
    seconds = int(redis.command(b"TTL", key.encode()).removeprefix(b":"))
    assert LIFETIME - 60 < seconds <= LIFETIME


def test_without_the_setting_nothing_is_fetched(make_app):
    app = make_app()
    app.get("/")(lambda: "x")
    assert not [stage for stage in app.explain(app.routes[0]) if "sessions" in stage.plugin]


def test_a_request_without_a_session_cookie_asks_nobody(browser, redis):
    redis.stop()
    for cookie in ("other=1", "session=", ""):
        assert browser.get("/plain", headers={"cookie": cookie}).status_code == 200
    assert browser.get("/read").json() == {"data": {}, "new": True}


def test_vary_exactly_when_read_and_no_cookie_when_nothing_changed(browser):
    browser.get("/set/user/ann")
    plain = browser.get("/plain")
    assert "vary" not in plain.headers
    assert "set-cookie" not in plain.headers
    read = browser.get("/read")
    assert read.headers["vary"] == "Cookie"
    assert "set-cookie" not in read.headers


def test_a_change_inside_is_noticed(browser):
    browser.get("/nested/a")
    browser.get("/nested/b")
    assert data(browser) == {"items": ["a", "b"]}


def test_reading_an_empty_session_stores_nothing(browser, redis):
    assert "set-cookie" not in browser.get("/read").headers
    assert redis.all_keys() == []


# --- Ending and changing ------------------------------------------------------------------------


def test_regenerate_rotates_the_identifier_and_the_old_one_is_worthless(browser, redis):
    browser.get("/set/user/ann")
    old = dict(browser.cookies)
    browser.get("/regenerate")
    assert browser.cookies["session"] != old["session"]
    assert data(browser) == {"user": "ann", "regenerated": True}
    assert len(redis.all_keys()) == 2  # the session, and where the old one has gone
    browser.cookies = old
    assert data(browser) == {}


def test_clear_deletes_and_a_replayed_cookie_is_an_empty_session(browser, redis, caplog):
    browser.get("/set/user/ann")
    old, old_identifier = dict(browser.cookies), identifier(browser)
    browser.get("/clear")
    assert "session" not in browser.cookies
    assert redis.all_keys() == []
    browser.cookies = old
    assert data(browser) == {}
    browser.cookies = old
    browser.get("/set/user/thief")
    assert identifier(browser) != old_identifier
    assert caplog.records == []


def test_what_is_added_after_clear_is_a_new_session(browser, redis):
    browser.get("/set/user/ann")
    old = identifier(browser)
    browser.get("/restart")
    assert identifier(browser) != old
    assert data(browser) == {"fresh": True}
    assert len(redis.all_keys()) == 1


def test_an_emptied_session_is_gone(browser, redis):
    browser.get("/set/user/ann")
    browser.get("/pop/user")
    assert redis.all_keys() == []
    assert "session" not in browser.cookies


def test_a_session_can_be_revoked(browser, app):
    browser.get("/set/user/ann")
    session_id = browser.get("/id").text
    assert browser.run(app.revoke_session, session_id) is True
    assert browser.run(app.revoke_session, session_id) is False
    assert data(browser) == {}


async def test_sessions_in_cookies_cannot_be_revoked(make_app):
    with pytest.raises(ConfigurationError, match="SESSION_STORE_URI"):
        await make_app().revoke_session("x")


def test_an_unknown_identifier_is_never_taken_up(browser, redis):
    """CWE-384: a planted cookie, signed by this very app, does not become a session."""
    browser.get("/set/user/ann")
    planted = identifier(browser)
    redis.command(b"FLUSHALL")
    browser.get("/set/user/bob")
    assert identifier(browser) != planted


# --- At the same time ---------------------------------------------------------------------------


async def while_slow(browser, app, slow_path, path) -> tuple[httpx2.Response, httpx2.Response]:
    """Send a request while the handler of another is held up; return both answers."""
    app.state.meeting = asyncio.Barrier(2)
    async with asyncio.TaskGroup() as tasks:
        slow = tasks.create_task(browser.aget(slow_path))
        await browser.arun(app.state.meeting.wait)
        quick = await browser.aget(path)
        await browser.arun(app.state.meeting.wait)
    return quick, slow.result()


async def test_concurrent_writes_of_different_keys_are_all_kept(browser):
    browser.get("/set/user/ann")
    await asyncio.gather(*(browser.aget(f"/set/key{n}/{n}") for n in range(30)))
    assert data(browser) == {"user": "ann", **{f"key{n}": str(n) for n in range(30)}}


async def test_of_one_key_the_last_write_stays(browser, app):
    browser.get("/set/user/ann")
    await while_slow(browser, app, "/slow/user/late", "/set/user/early")
    assert data(browser) == {"user": "late"}


async def test_a_late_write_does_not_revive_a_session_that_was_ended(browser, app, redis):
    browser.get("/set/user/ann")
    _, late = await while_slow(browser, app, "/slow/cart/full", "/clear")
    assert redis.all_keys() == []
    assert late.status_code == 200
    assert "set-cookie" not in late.headers


async def test_a_late_write_does_not_undo_a_log_in(browser, app, redis):
    browser.get("/set/user/ann")
    _, late = await while_slow(browser, app, "/slow/cart/full", "/regenerate")
    assert data(browser) == {"user": "ann", "regenerated": True, "cart": "full"}
    # It was written where the session has gone, under the identifier that only the log-in knows.
    assert identifier(browser) not in late.headers.get("set-cookie", "")


async def test_a_write_that_races_two_new_identifiers_is_kept(browser, app):
    browser.get("/set/user/ann")
    app.state.meeting = asyncio.Barrier(2)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(browser.aget("/slow/cart/full"))
        await browser.arun(app.state.meeting.wait)
        await browser.aget("/regenerate")
        await browser.aget("/regenerate")
        await browser.arun(app.state.meeting.wait)
    assert data(browser) == {"user": "ann", "regenerated": True, "cart": "full"}


async def test_of_two_new_identifiers_at_once_both_are_sessions_of_their_own(browser, app):
    browser.get("/set/user/ann")
    quick, late = await while_slow(browser, app, "/slow-regenerate", "/regenerate")
    found = [answer.headers["set-cookie"].split(";")[0] for answer in (quick, late)]
    assert found[0] != found[1]
    browser.cookies.clear()
    for cookie, holds in zip(
        found, ({"user": "ann", "regenerated": True}, {"user": "ann"}), strict=True
    ):
        read = await browser.aget("/read", headers={"cookie": cookie})
        assert read.json()["data"] == holds


async def test_a_log_out_that_races_a_new_identifier_ends_the_session(browser, app):
    browser.get("/set/user/ann")
    quick, _ = await while_slow(browser, app, "/slow-clear", "/regenerate")
    cookie = quick.headers["set-cookie"].split(";")[0]
    browser.cookies.clear()
    assert (await browser.aget("/read", headers={"cookie": cookie})).json()["data"] == {}


async def test_a_write_that_is_lost_because_the_session_was_ended_is_told_of(browser, app, caplog):
    browser.get("/set/user/ann")
    await while_slow(browser, app, "/slow/cart/full", "/clear")
    assert "the change of 'cart' is lost" in caplog.text


async def test_revoking_an_old_identifier_ends_what_it_has_become(browser, app):
    browser.get("/set/user/ann")
    old = identifier(browser)
    browser.get("/regenerate")
    assert await browser.arun(app.revoke_session, old)
    assert data(browser) == {}


def test_the_store_keeps_a_session_for_as_long_as_it_says(browser, redis, clock):
    browser.get("/lifetime/5000")
    [key] = redis.all_keys()
    assert redis.command(b"TTL", key.encode()) in (b":5000", b":4999")
    assert "Max-Age=5000" in browser.get("/lifetime/5000?again=1").headers["set-cookie"]


def test_a_session_that_is_used_lives_on(make, worker, redis, clock):
    browser = worker(make(SESSION_LIFETIME_SECONDS=1000, SESSION_REFRESH_SECONDS=100))
    browser.get("/set/user/ann")
    [key] = redis.all_keys()
    redis.command(b"EXPIRE", key.encode(), b"10")
    assert "set-cookie" not in browser.get("/read").headers
    clock.advance(900)
    assert "Max-Age=1000" in browser.get("/read").headers["set-cookie"]
    assert redis.command(b"TTL", key.encode()) in (b":1000", b":999")
    clock.advance(900)
    assert data(browser) == {"user": "ann"}


def test_a_session_from_the_future_is_refused(browser, clock):
    browser.get("/set/user/ann")
    clock.advance(-61)
    assert data(browser) == {}
    # The clock was wrong, not the cookie.
    clock.advance(61)
    assert data(browser) == {"user": "ann"}


async def test_what_was_written_meanwhile_moves_along_to_the_new_identifier(browser, app):
    browser.get("/set/user/ann")
    await while_slow(browser, app, "/slow-regenerate", "/set/cart/full")
    assert data(browser) == {"user": "ann", "cart": "full"}


async def test_a_revoked_session_cannot_save_itself_by_a_new_identifier(browser, app, redis):
    browser.get("/set/user/ann")
    await while_slow(browser, app, "/slow-regenerate", "/clear")
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
def test_other_cookies_are_empty_sessions_and_go(browser, caplog, text, is_event):
    answer = browser.get("/read", headers={"cookie": f"session={text}"})
    assert answer.json() == {"data": {}, "new": True}
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert [record.event for record in caplog.records] == ["session"] * is_event
    assert text not in caplog.text or len(text) < 3


def test_a_session_expires(browser, clock):
    browser.get("/set/user/ann")
    clock.advance(LIFETIME)
    assert data(browser) == {"user": "ann"}
    clock.advance(1)
    assert data(browser) == {}
    assert "session" not in browser.cookies


@pytest.mark.parametrize("length", [513, 5000])
def test_length_is_checked_before_the_signature(browser, caplog, length):
    assert browser.get("/read", cookies={"session": "x" * length}).status_code == 200
    assert [record.reason for record in caplog.records] == ["the session cookie is too long"]


def test_guesses_never_reach_the_store(browser, redis):
    redis.stop()
    assert browser.get("/read", cookies={"session": "guess.1.signature"}).status_code == 200


def test_a_new_key_with_the_old_one_as_fallback_keeps_sessions(browser, make, worker):
    browser.get("/set/user/ann")
    second = worker(make(SECRET_KEY=KEY[::-1], SECRET_KEY_FALLBACKS=[KEY]))
    second.cookies = browser.cookies
    assert data(second) == {"user": "ann"}


def test_two_apps_with_other_prefixes_share_nothing(browser, make, worker):
    browser.get("/set/user/ann")
    second = worker(make(SESSION_STORE_PREFIX="other:"))
    second.cookies = browser.cookies
    assert data(second) == {}


def test_a_session_that_is_too_large_names_its_size_and_key(browser, caplog):
    assert browser.get("/big").status_code == 500
    assert "300002 bytes" in caplog.text
    assert "'blob'" in caplog.text


def test_a_value_that_is_not_json_is_named(browser, caplog):
    assert browser.get("/odd").status_code == 500
    assert "session['thing'] holds object" in caplog.text


# --- CSRF ---------------------------------------------------------------------------------------


def test_tokens_are_bound_to_the_stored_session(browser):
    browser.get("/set/user/ann")
    headers = {"x-csrf-token": browser.get("/token").text}
    assert browser.post("/act", headers=headers).status_code == 200
    old = browser.cookies["csrf"]
    browser.get("/regenerate")
    assert browser.cookies["csrf"] != old
    assert browser.post("/act", headers=headers).status_code == 403


# --- The store is down --------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["stop", "freeze"])
def test_while_the_store_is_down_it_fails_closed_then_recovers(
    browser, redis, patience, caplog, way
):
    browser.get("/set/user/ann")
    getattr(redis, way)()
    with caplog.at_level(logging.INFO, "flasgo.security"):
        answer = browser.get("/read")
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert "Sessions are not available" in answer.text
        assert browser.get("/set/user/bob").status_code == 503
        # A new visitor's session cannot be kept, so it is not promised either.
        refused = browser.get("/set/user/bob", headers={"cookie": ""})
        assert refused.status_code == 503
        assert "set-cookie" not in refused.headers
        assert refused.headers["x-frame-options"] == "DENY"
        # Who needs no session is served.
        assert browser.get("/plain").status_code == 200
        redis.thaw()
        redis.start()
        assert patience.until(lambda: browser.get("/set/user/cid").status_code == 200)
    assert data(browser)["user"] == "cid"
    events = [record.event for record in caplog.records if hasattr(record, "event")]
    assert events.count("store_down") == 1
    assert events.count("store_up") == 1


async def test_many_requests_do_not_wait_for_a_store_that_hangs(browser, redis):
    """Bounded by the test's own patience: 200 requests, one timeout of a second and not 200."""
    browser.get("/set/user/ann")
    redis.freeze()
    try:
        async with asyncio.timeout(20):
            asked = (browser.aget("/read", timeout=20) for _ in range(200))
            assert [answer.status_code for answer in await asyncio.gather(*asked)] == [503] * 200
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
    browser.get("/set/user/ann")
    redis.stop()
    redis.start()
    assert browser.get("/set/user/bob").status_code == 200


def test_revoking_says_that_the_store_is_down(browser, app, redis):
    redis.stop()
    with pytest.raises(StoreDownError):
        browser.run(app.revoke_session, "x")


def test_a_store_that_takes_no_more_still_gives(browser, redis, caplog):
    browser.get("/set/user/ann")
    redis.command(b"CONFIG", b"SET", b"maxmemory", b"1")
    for _ in range(3):
        assert browser.get("/set/user/bob").status_code == 503
        assert data(browser) == {"user": "ann"}  # writers do not shut out readers
    assert caplog.text.count("refuses commands: OutOfMemoryError") == 1
    redis.command(b"CONFIG", b"SET", b"maxmemory", b"0")
    assert browser.get("/set/user/bob").status_code == 200


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
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(FlasgoError, match=r"pip install 'flasgo-security\[redis\]'"):
        make_app(SESSION_STORE_URI="redis://localhost")


def test_valkeys_client_works_too(make, worker, redis):
    pytest.importorskip("valkey")
    browser = worker(make(SESSION_STORE_URI=redis.uri.replace("redis", "valkey")))
    browser.get("/set/user/ann")
    browser.get("/regenerate")
    assert data(browser) == {"user": "ann", "regenerated": True}


def test_a_route_does_not_wait_for_two_stores_one_after_the_other(make, worker, redis):
    app = make(
        RATELIMIT_STORAGE_URI=redis.uri,
        RATELIMIT_STORAGE_TIMEOUT_SECONDS=1.0,
        RATELIMIT_STORAGE_FAILURE="open",
    )

    @app.get("/both")
    @app.ratelimit(10, per=60)
    async def both():
        return {}

    browser = worker(app)
    browser.get("/set/user/ann")
    assert browser.get("/both").status_code == 200
    redis.freeze()
    begun = time.monotonic()
    answer = browser.get("/both")
    elapsed = time.monotonic() - begun
    redis.thaw()
    assert answer.status_code == 200
    assert 0.9 < elapsed < 1.7
