"""AUTH-2: session logins: `login` and `logout` rotate the session and the CSRF token."""

import logging
import uuid
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from typing import Any

import pytest
from flasgo import ConfigurationError, Flasgo, Request, WebSocket, hookimpl, request as current
from flasgo_auth import (
    ANONYMOUS,
    SESSION_KEY,
    AllowAny,
    AuthPlugin,
    User,
    api_key_backend,
    basic_auth_backend,
    bearer_token_backend,
    current_user,
    jwt_backend,
    login,
    logout,
    session_backend,
    write_login,
)
from flasgo_auth.login import SessionBackend
from flasgo_security import SecurityPlugin
from flasgo_testing import TestClient, TestingPlugin

KEY = "0123456789abcdef" * 4
NAMES = {"alice", "bob"}
OTHER_ID = uuid.UUID(int=7)


def load_user(user_id):
    return User(id=user_id, name=f"The {user_id}") if user_id in NAMES else None


@pytest.fixture
def site() -> Flasgo:
    """An app with logins: plain http, since the client speaks that."""
    app = Flasgo(
        settings={
            "SECRET_KEY": KEY,
            "SESSION_COOKIE_SECURE": False,
            "CSRF_COOKIE_SECURE": False,
            "ALLOWED_HOSTS": {"testserver", "localhost", "127.0.0.1"},
        },
        plugins=[AuthPlugin, SecurityPlugin, TestingPlugin],
        discover=False,
    )
    app.register_auth_backend("session", session_backend(load_user, blocking=False))

    @app.post("/login/<name>")
    def do_login(request: Request, name: str):
        login(request, User(id=name))
        return {"user": request.user.id, "current": current_user.id}

    @app.post("/logout")
    @app.authorize(AllowAny())
    def do_logout(request: Request):
        before = request.user.id
        logout(request)
        return {"before": before, "after": request.user.id, "current": current_user.id}

    @app.get("/me")
    @app.authorize()
    def me(request: Request):
        return {"id": request.user.id, "name": request.user.name}

    @app.get("/session")
    def show(request: Request):
        return {
            "id": request.session.id if request.session else None,
            "token": request.csrf_token,
            "keys": sorted(request.session),
        }

    @app.post("/basket/<item>")
    def put(request: Request, item: str):
        request.session["basket"] = [item]
        return ""

    return app


@pytest.fixture
def client(site, connect):
    return connect(site)


def test_a_visitor_logs_in_and_out(client):
    assert client.get("/me").status_code == 401
    assert client.get("/me").headers["www-authenticate"] == 'Session realm="site"'
    assert client.post("/login/alice").json() == {"user": "alice", "current": "alice"}
    assert client.get("/me").json() == {"id": "alice", "name": "The alice"}
    assert client.post("/logout").json() == {"before": "alice", "after": "", "current": ""}
    assert client.get("/me").status_code == 401
    assert client.get("/session").json()["keys"] == []


def cookie(client, name):
    return next((each.value for each in client.cookies.jar if each.name == name), None)


def posts(site, session, csrf, token):
    """The status of a POST with these cookies and this token, without help by the client."""
    headers = {"cookie": f"session={session}; csrf={csrf}", "x-csrf-token": token}
    with TestClient(site, enforce_csrf=True, raise_server_exceptions=False) as raw:
        return raw.post("/basket/pear", headers=headers).status_code


def test_login_rotates_the_session_and_the_csrf_token(site, client):
    client.post("/basket/apple")
    before = client.get("/session").json()
    tokens = [cookie(client, "csrf")]
    client.post("/login/alice")
    tokens.append(cookie(client, "csrf"))
    after = client.get("/session").json()
    assert after["keys"] == [SESSION_KEY, "basket"]
    assert after["id"] != before["id"]
    session = cookie(client, "session")
    # The old token is refused with the new session, in the cookie and in the page.
    assert posts(site, session, tokens[0], tokens[0]) == 403
    assert posts(site, session, tokens[1], before["token"]) == 403
    assert posts(site, session, tokens[1], after["token"]) == 200
    client.post("/logout")
    tokens.append(cookie(client, "csrf"))
    assert client.get("/session").json()["id"] is None
    assert cookie(client, "session") is None
    assert len(set(tokens)) == 3


def test_logging_in_twice_rotates_as_well(client):
    client.post("/login/alice")
    first = client.get("/session").json()["id"], cookie(client, "csrf")
    client.post("/login/alice")
    second = client.get("/session").json()["id"], cookie(client, "csrf")
    assert first[0] != second[0]
    assert first[1] != second[1]


def test_what_was_planted_before_the_login_is_worthless(site, connect):
    # Session fixation: the attacker's own session and token, in the victim's browser.
    attacker, victim = connect(site), connect(site)
    attacker.post("/basket/apple")
    planted = attacker.get("/session").json()
    for name in ("session", "csrf"):
        victim.cookies.set(name, cookie(attacker, name))
    victim.post("/login/alice")
    assert victim.get("/me").json()["id"] == "alice"
    assert attacker.get("/me").status_code == 401
    session, csrf = cookie(victim, "session"), cookie(attacker, "csrf")
    assert posts(site, session, csrf, planted["token"]) == 403
    own = victim.get("/session").json()["token"]
    assert posts(site, session, cookie(victim, "csrf"), own) == 200


def test_a_token_that_was_read_before_the_login_is_not_handed_out(site, connect):
    @site.post("/both")
    def both(request: Request):
        before = request.csrf_token
        login(request, User(id="alice"))
        return {"before": before, "after": request.csrf_token}

    client = connect(site)
    tokens = client.post("/both").json()
    session, csrf = cookie(client, "session"), cookie(client, "csrf")
    assert posts(site, session, csrf, tokens["after"]) == 200
    assert posts(site, session, csrf, tokens["before"]) == 403


def test_another_user_does_not_inherit_the_session(client):
    client.post("/login/alice")
    client.post("/basket/apple")
    assert client.get("/session").json()["keys"] == [SESSION_KEY, "basket"]
    client.post("/login/alice")
    assert client.get("/session").json()["keys"] == [SESSION_KEY, "basket"]
    client.post("/login/bob")
    assert client.get("/session").json()["keys"] == [SESSION_KEY]
    assert client.get("/me").json()["id"] == "bob"


def test_a_closed_account_is_out_at_once(client):
    client.post("/login/mallory")
    assert client.get("/me").status_code == 401


def test_logging_out_nobody_does_no_harm(client):
    assert client.post("/logout").status_code == 200


@pytest.mark.parametrize("user_id", ["alice", "7", 7, 0, OTHER_ID], ids=repr)
def test_an_id_comes_back_as_what_it_was(site, connect, user_id):
    seen = []

    def remember(given):
        seen.append(given)
        return User(id=given)

    site.register_auth_backend("ids", session_backend(remember))
    site.post("/as", endpoint="as")(lambda request: login(request, User(id=user_id)))
    site.get("/who", endpoint="who")(site.authorize(backend="ids")(lambda: ""))
    client = connect(site)
    client.post("/as")
    assert client.get("/who").status_code == 200
    assert [(type(each), each) for each in seen] == [(type(user_id), user_id)]


def test_the_global_request_will_do(site, connect):
    @site.post("/in")
    def log_in():
        login(current, User(id="alice"))
        return str(current_user.id)

    client = connect(site)
    assert client.post("/in").text == "alice"
    assert client.get("/me").status_code == 200


def test_logins_end_after_their_age(site, connect):
    now = [1000.0]
    site.register_auth_backend(
        "short",
        SessionBackend(
            load_user,
            realm="site",
            max_age=60,
            generation=None,
            blocking=False,
            clock=lambda: now[0],
        ),
    )
    site.get("/short")(site.authorize(backend="short")(lambda: "in"))
    client = connect(site)
    client.post("/login/alice")
    import time

    now[0] = time.time() + 30
    assert client.get("/short").status_code == 200
    now[0] += 31
    assert client.get("/short").status_code == 401
    assert client.get("/me").status_code == 200


@dataclass(frozen=True)
class Account(User):
    """A user with a counter of its own."""

    version: int | str = 1


def with_generations(site, versions):
    """Add logins that end when the number in `versions` changes."""

    def load(name):
        return Account(id=name, version=versions[name])

    backend = session_backend(load, generation=lambda account: account.version)
    site.register_auth_backend("counted", backend)
    site.get("/counted")(site.authorize(backend="counted")(lambda: str(current_user.id)))

    @site.post("/in/<name>")
    def log_in(request: Request, name: str):
        login(request, User(id=name), generation=versions[name])
        return ""


def test_a_new_generation_ends_every_login_of_the_user(site, connect):
    versions = {"alice": 1, "bob": 1}
    with_generations(site, versions)
    phone, laptop, other = connect(site), connect(site), connect(site)
    for client, name in [(phone, "alice"), (laptop, "alice"), (other, "bob")]:
        client.post(f"/in/{name}")
        assert client.get("/counted").text == name
    copied = {"cookie": f"session={cookie(phone, 'session')}"}
    phone.post("/logout")
    # A logout alone takes the cookie from one browser; what was copied before still opens.
    assert connect(site).get("/counted", headers=copied).status_code == 200
    versions["alice"] = 2
    assert connect(site).get("/counted", headers=copied).status_code == 401
    assert laptop.get("/counted").status_code == 401
    assert other.get("/counted").text == "bob"
    laptop.post("/in/alice")
    assert laptop.get("/counted").text == "alice"


def test_a_login_without_a_generation_does_not_count_where_one_is_asked_for(site, connect):
    with_generations(site, {"alice": 1})
    client = connect(site)
    client.post("/login/alice")
    assert client.get("/me").status_code == 200
    assert client.get("/counted").status_code == 401
    # The other way round: who does not ask for one takes any.
    client.post("/in/alice")
    assert client.get("/me").status_code == 200


def test_the_cookie_does_not_show_the_generation(site, connect):
    stored = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaA"
    with_generations(site, {"alice": stored})
    client = connect(site)
    client.post("/in/alice")
    assert client.get("/counted").text == "alice"
    payload = cookie(client, "session").partition(".")[0]
    decoded = urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    assert b"generation" in decoded
    assert b"argon2" not in decoded
    assert b"aGFzaA" not in decoded


@pytest.mark.parametrize("value", [None, True, 1.5, b"x", ["x"]], ids=repr)
def test_a_generation_of_another_type_is_an_error_and_no_login(site, connect, value):
    with_generations(site, versions := {"alice": 1})
    client = connect(site)
    client.post("/in/alice")
    versions["alice"] = value
    assert client.get("/counted").status_code == 500
    if value is not None:  # for `login` None is: no generation
        with pytest.raises(TypeError, match="generation of a login is a str or int"):
            write_login({}, User(id="alice"), generation=value)


async def generation_of(user):
    return 1


@pytest.mark.parametrize("wrong", [7, User, generation_of], ids=repr)
def test_a_generation_is_asked_of_a_plain_function(wrong):
    with pytest.raises(TypeError, match=r"session_backend\(generation=\.\.\.\) takes a"):
        session_backend(load_user, generation=wrong)


@pytest.mark.parametrize("act", [lambda ws: login(ws, User(id="alice")), logout])
def test_a_websocket_logs_nobody_in_or_out(site, connect, act, caplog):
    caplog.set_level(logging.INFO, logger="flasgo.security")

    @site.websocket("/ws")
    async def ws(websocket: WebSocket):
        await websocket.accept()
        with pytest.raises(RuntimeError, match="A WebSocket cannot log anybody in or out"):
            act(websocket)
        await websocket.send_text(str(bool(websocket.user)))

    client = connect(site)
    client.post("/login/alice")
    caplog.clear()
    with client.websocket_connect("/ws") as session:
        assert session.receive_text() == "True"
    assert not [r for r in caplog.records if getattr(r, "event", "").startswith("auth.")]
    assert client.get("/me").status_code == 200


@pytest.mark.parametrize(
    "junk",
    [
        None,
        "alice",
        [],
        {},
        {"id": "alice"},
        {"id": "alice", "kind": "str"},
        {"id": 7, "kind": "int", "at": 1},
        {"id": "x", "kind": "int", "at": 1},
        {"id": "x", "kind": "uuid", "at": 1},
        {"id": "x", "kind": "bytes", "at": 1},
        {"id": "x", "kind": None, "at": 1},
        {"id": "x", "kind": "str", "at": "1"},
        {"id": "x", "kind": ["str"], "at": 1},
    ],
    ids=str,
)
def test_a_record_that_is_no_login_is_nobody(site, connect, junk):
    @site.post("/junk")
    def put_junk(request: Request):
        request.session[SESSION_KEY] = junk
        return ""

    client = connect(site)
    client.post("/junk")
    assert client.get("/me").status_code == 401


def test_a_tampered_cookie_is_nobody(site, connect):
    client = connect(site)
    client.post("/login/alice")
    value = next(c.value for c in client.cookies.jar if c.name == "session")
    flipped = ("A" if value[5] != "A" else "B").join([value[:5], value[6:]])
    assert connect(site).get("/me", headers={"cookie": f"session={value}"}).status_code == 200
    assert connect(site).get("/me", headers={"cookie": f"session={flipped}"}).status_code == 401


def test_logins_are_logged_and_count_against_nobody(site, connect, caplog):
    caplog.set_level(logging.INFO, logger="flasgo.security")
    client = connect(site)
    client.post("/login/alice")
    client.post("/logout")
    events = [r for r in caplog.records if getattr(r, "event", "").startswith("auth.log")]
    assert [(r.event, r.user, r.levelname) for r in events] == [
        ("auth.login", "alice", "INFO"),
        ("auth.logout", "alice", "INFO"),
    ]


# --- without a session plugin, or with another one --------------------------------------------


def test_without_sessions_the_error_says_what_to_install(app):
    app.post("/in", endpoint="in")(lambda request: login(request, User(id="alice")))
    app.register_auth_backend("session", session_backend(load_user))
    app.get("/me")(app.authorize()(lambda: ""))
    with app.test_client() as client:
        for method, path in [("POST", "/in"), ("GET", "/me")]:
            with pytest.raises(Exception, match="pip install flasgo-security") as caught:
                client.request(method, path)
            causes = (caught.value, caught.value.__cause__)
            assert any(isinstance(cause, ConfigurationError) for cause in causes)


class OtherSession(dict):
    """What another plugin may bring."""

    regenerated = 0

    def regenerate(self):
        self.regenerated += 1


class OtherSessions:
    name = "other"

    def __init__(self):
        self.session = OtherSession()

    @hookimpl
    def plugin_setup(self, registry):
        registry.request_attribute("session", lambda request: self.session)


def test_any_plugin_may_bring_the_session(connect):
    sessions = OtherSessions()
    app = Flasgo(
        settings={"SECRET_KEY": KEY}, plugins=[AuthPlugin, sessions, TestingPlugin], discover=False
    )
    app.register_auth_backend("session", session_backend(load_user))
    app.post("/in", endpoint="in")(lambda request: login(request, User(id="alice")))
    app.get("/me")(app.authorize()(lambda: str(current_user.id)))
    client = connect(app)
    client.post("/in")
    assert client.get("/me").text == "alice"
    assert sessions.session.regenerated == 1


def test_a_session_that_cannot_be_rotated_is_refused(app, connect):
    class Plain:
        name = "plain"

        @hookimpl
        def plugin_setup(self, registry):
            registry.request_attribute("session", lambda request: {})

    app.plugins.register(Plain)
    app.post("/in", endpoint="in")(lambda request: login(request, User(id="alice")))
    with app.test_client() as client, pytest.raises(ConfigurationError, match="regenerate"):
        client.post("/in")


@pytest.mark.parametrize("user", [ANONYMOUS, None, "alice", {"id": "alice"}], ids=repr)
def test_only_users_log_in(user):
    with pytest.raises((TypeError, ValueError), match=r"authenticated User|flasgo_auth\.User"):
        write_login({}, user)


def test_a_login_can_be_written_for_tests():
    session = {}
    write_login(session, User(id=7))
    assert session[SESSION_KEY]["id"] == "7"


@pytest.mark.parametrize("wrong", [None, User, "alice"], ids=repr)
def test_load_user_must_be_a_function(wrong):
    with pytest.raises(TypeError, match="takes a function"):
        session_backend(wrong)


def any_function(function: Any) -> Any:
    """Return a function as one that the type checker knows nothing of."""
    return function


@pytest.mark.parametrize(
    ("make", "takes"),
    [
        (lambda: session_backend(any_function(lambda name, db: None)), r"\(user_id\)"),
        (lambda: session_backend(load_user, generation=any_function(lambda: 1)), r"\(user\)"),
        (lambda: basic_auth_backend(any_function(lambda name: None)), r"\(username, password\)"),
        (lambda: api_key_backend(any_function(lambda key, *, db: None)), r"\(key\)"),
        (lambda: bearer_token_backend(any_function(lambda token, db: None)), r"\(token\)"),
        (
            lambda: jwt_backend(KEY, algorithm="HS256", load_user=any_function(lambda: None)),
            r"\(claims\)",
        ),
    ],
)
def test_a_function_that_cannot_be_called_with_what_it_gets_is_refused(make, takes):
    with pytest.raises(TypeError, match=rf"takes a function {takes}.*<lambda>.*current_app\.state"):
        make()


def test_a_function_may_have_more_parameters_with_defaults():
    session_backend(lambda name, *rest, db=None, **more: None)


@pytest.mark.parametrize("age", [0, -1])
def test_max_age_is_positive(age):
    with pytest.raises(ValueError, match="seconds above 0"):
        session_backend(load_user, max_age=age)


@pytest.mark.parametrize(
    ("remember", "max_age"), [(None, None), (True, 1209600), (3600, 3600), (False, None)]
)
def test_a_login_can_be_remembered(connect, remember, max_age):
    app = Flasgo(
        settings={"SECRET_KEY": KEY, "SESSION_COOKIE_SECURE": False, "SESSION_PERMANENT": False},
        plugins=[AuthPlugin, SecurityPlugin, TestingPlugin],
        discover=False,
    )
    app.register_auth_backend("session", session_backend(load_user))

    @app.post("/login")
    def do_login(request: Request):
        login(request, User(id="alice"), remember=remember)

    @app.get("/me")
    def me(request: Request):
        return request.user.id

    client = connect(app)
    cookie = client.post("/login").headers["set-cookie"]
    assert ("Max-Age" in cookie) is (max_age is not None)
    assert max_age is None or f"Max-Age={max_age};" in cookie
    assert client.get("/me").text == "alice"


def test_a_session_that_cannot_be_remembered_says_so(site, connect):
    class Plain(dict):
        def regenerate(self):
            """Do nothing."""

    @site.post("/remember")
    def do_remember(request: Request):
        request.__dict__["session"] = Plain()
        with pytest.raises(ConfigurationError, match="remember"):
            login(request, User(id="alice"), remember=True)
        del request.__dict__["session"]

    assert connect(site).post("/remember").is_success
