"""Each row of docs/security-extensions.md, executed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flasgo import (
    AllowAny,
    Blueprint,
    Flasgo,
    HTTPException,
    MethodView,
    RecentLogin,
    Request,
    SettingError,
    User,
    authorize,
    current_user,
    hookimpl,
)
from flasgo.plugins.checks import collect_findings
from flasgo.plugins.reports import collect_tables
from flasgo_auth import ANONYMOUS, login, logout, safe_next, session_backend
from flasgo_security import cors, flash, rate_limit, ratelimit_exempt
from flasgo_testing import TestClient

PAGE = Path(__file__).parents[2] / "docs" / "security-extensions.md"
KEY = "0123456789abcdefghijklmnopqrstuvwxyz"
ORIGIN = "https://app.example.com"
HTML = {"accept": "text/html"}

CHECKS: dict[tuple[str, str], Callable[[], None]] = {}
Check = Callable[[], None]


def row(extension: str, *features: str) -> Callable[[Check], Check]:
    """Register a function as the test of rows, by the beginning of their first cell."""

    def register(check: Check) -> Check:
        for feature in features:
            assert (extension, feature) not in CHECKS
            CHECKS[extension, feature] = check
        return check

    return register


def documented() -> list[tuple[str, str, str, str]]:
    found, extension = [], ""
    for line in PAGE.read_text().splitlines():
        if line.startswith("## "):
            extension = line[3:]
        elif line.startswith("| ") and not line.startswith("| there"):
            there, here, kind = (cell.strip() for cell in line.strip("|").split(" | "))
            found.append((extension, there, here, kind.strip("| ")))
    return found


def check_of(extension: str, there: str) -> Check:
    (check,) = {
        check
        for (name, feature), check in CHECKS.items()
        if name == extension and feature in there.replace("`", "")
    }
    return check


@pytest.mark.parametrize(
    ("extension", "there"),
    [(extension, there) for extension, there, _, _ in documented()],
)
def test_a_row(extension: str, there: str) -> None:
    check_of(extension, there)()


def test_the_page_has_every_row_that_is_tested() -> None:
    rows = documented()
    for extension, feature in CHECKS:
        assert [t for e, t, _, _ in rows if e == extension and feature in t.replace("`", "")]
    assert {kind for *_, kind in rows} == {"same", "other", "no"}
    for _, there, here, kind in rows:
        assert (kind == "no") <= (here.startswith("no: ") or "no setting" in here), there


# --- Tools --------------------------------------------------------------------------------------


def make(*plugins: object, **settings: Any) -> Flasgo:
    quiet = {"CSRF_ENABLED": False, "SESSION_COOKIE_SECURE": False}
    return Flasgo(settings={"SECRET_KEY": KEY, **quiet, **settings}, plugins=plugins)


def client_of(app: Flasgo, **options: Any) -> TestClient:
    return app.test_client(follow_redirects=False, raise_server_exceptions=False, **options)


def statuses(client: Any, path: str = "/", times: int = 2, **options: Any) -> list[int]:
    method = options.pop("method", "GET")
    return [client.request(method, path, **options).status_code for _ in range(times)]


def limited(*decorators: Callable[..., Any], methods: tuple[str, ...] = ("GET",), **settings: Any):
    """Return a client of an app with one route that has these decorators."""
    app = make(**settings)

    async def handler(request: Request) -> dict[str, object]:
        return {"quota": getattr(request.rate_limit, "remaining", None)}

    for decorate in decorators:
        handler = decorate(handler)
    app.add_route("/", handler, methods=methods, endpoint="index")
    app.add_route("/other", handler, endpoint="other")
    return client_of(app)


# --- Flask-Limiter ------------------------------------------------------------------------------

LIMITER = "Flask-Limiter"


@row(LIMITER, "default_limits")
def default_limits() -> None:
    client = limited(RATELIMIT_DEFAULT=["1/minute"])
    assert statuses(client) == [200, 429]
    assert statuses(client, "/other") == [200, 429]
    assert statuses(limited(rate_limit("3/minute"), RATELIMIT_DEFAULT=["1/minute"])) == [200] * 2


@row(LIMITER, "application_limits")
def application_limits() -> None:
    app = make()
    rate_limit("2/hour", shared=True)(app)
    app.add_route("/", lambda: "x", endpoint="a")
    app.add_route("/b", lambda: "x", endpoint="b")
    client = client_of(app)
    assert [*statuses(client), client.get("/b").status_code] == [200, 200, 429]


@row(LIMITER, '@limiter.limit("5/minute")')
def limit() -> None:
    assert statuses(limited(rate_limit("1/minute"))) == [200, 429]


@row(LIMITER, '"100/day;10/minute"')
def several_limits() -> None:
    assert statuses(limited(rate_limit("9/day"), rate_limit("1/minute"))) == [200, 429]
    with pytest.raises(ValueError, match="not a limit"):
        rate_limit("100/day;10/minute")


@row(LIMITER, "@limiter.limit(function)")
def dynamic_limit() -> None:
    async def by_plan(request: Request) -> str:
        return request.query.get("limit", "1/minute")

    client = limited(rate_limit(by_plan))
    assert statuses(client) == [200, 429]
    assert statuses(client, "/?limit=5/hour") == [200, 200]


@row(LIMITER, "shared_limit")
def shared_limit() -> None:
    app = make()
    app.get("/a")(rate_limit("1/minute", scope="x")(lambda: "a"))
    app.get("/b")(rate_limit("1/minute", scope="x")(lambda: "b"))
    client = client_of(app)
    assert [client.get(path).status_code for path in ("/a", "/b")] == [200, 429]


@row(LIMITER, "(blueprint)")
def blueprint_limits() -> None:
    for shared, expected in ((False, 200), (True, 429)):
        app, blueprint = make(), Blueprint("shop")
        blueprint.get("/a")(lambda: "a")
        blueprint.get("/b")(lambda: "b")
        rate_limit("1/minute", shared=shared)(blueprint)
        app.register_blueprint(blueprint)
        client = client_of(app)
        assert [client.get(path).status_code for path in ("/a", "/b")] == [200, expected]


@row(LIMITER, "@limiter.exempt")
def exempt() -> None:
    assert statuses(limited(ratelimit_exempt, RATELIMIT_DEFAULT=["1/minute"])) == [200, 200]
    ratelimit_exempt(Blueprint("x"))
    ratelimit_exempt(make())


@row(LIMITER, "request_filter")
def request_filter() -> None:
    assert statuses(limited(rate_limit(lambda request: None, 60))) == [200, 200]
    assert statuses(limited(rate_limit("1/minute", cost=lambda request: 0))) == [200, 200]


@row(LIMITER, "methods=[")
def methods() -> None:
    client = limited(rate_limit("1/minute", methods=["POST"]), methods=("GET", "POST"))
    assert statuses(client) == [200, 200]
    assert statuses(client, method="POST") == [200, 429]


@row(LIMITER, "per_method")
def per_method() -> None:
    limits = (rate_limit("1/minute", methods=[name]) for name in ("GET", "POST"))
    client = limited(*limits, methods=("GET", "POST"))
    assert statuses(client) == statuses(client, method="POST") == [200, 429]


@row(LIMITER, "cost=")
def cost() -> None:
    assert statuses(limited(rate_limit("5/minute", cost=3))) == [200, 429]


@row(LIMITER, "deduct_when")
def deduct_when() -> None:
    def unless_ok(request: Request, response: Any) -> bool:
        return response.status_code != 200

    assert statuses(limited(rate_limit("1/minute", on=unless_ok)), times=3) == [200] * 3
    rate_limit("1/minute", on="failure")


@row(LIMITER, "get_remote_address")
def by_address() -> None:
    app = make()
    app.get("/")(rate_limit("1/minute")(lambda request: str(request.client_key)))

    def ask(address: str) -> int:
        return client_of(app, client=(address, 1)).get("/").status_code

    assert [ask("192.0.2.1"), ask("192.0.2.1"), ask("192.0.2.2")] == [200, 429, 200]
    assert [ask("2001:db8::1"), ask("2001:db8::ffff")] == [200, 429]


@row(LIMITER, "key_func=function")
def key_func() -> None:
    async def by_name(request: Request) -> str:
        return request.query["name"]

    client = limited(rate_limit("1/minute", key_func=by_name))
    assert [*statuses(client, "/?name=a"), *statuses(client, "/?name=b")] == [200, 429, 200, 429]


@row(LIMITER, "override_defaults")
def besides_the_routes_own() -> None:
    app = make()
    rate_limit("1/minute")(app)
    app.get("/")(rate_limit("9/minute")(lambda: "x"))
    assert statuses(client_of(app)) == [200, 429]


@row(LIMITER, "headers_enabled")
def headers() -> None:
    client = limited(rate_limit("1/minute"))
    names = {name.lower() for name in client.get("/").headers}
    assert {"ratelimit-remaining", "ratelimit-policy", "x-ratelimit-limit"} <= names
    assert int(client.get("/").headers["retry-after"]) > 0


@row(LIMITER, "current_limit")
def current_limit() -> None:
    assert limited(rate_limit("3/minute")).get("/").json() == {"quota": 2}


@row(LIMITER, "error_message=")
def error_message() -> None:
    app = make()
    app.get("/")(rate_limit("1/minute")(lambda: "x"))
    app.errorhandler(429)(lambda error: ("Slow down.", 429))
    client = client_of(app)
    client.get("/")
    assert client.get("/").text == "Slow down."


@row(LIMITER, 'storage_uri="redis')
def storages() -> None:
    for scheme in ("redis", "rediss", "redis+cluster", "valkey", "memcached"):
        make(RATELIMIT_STORAGE_URI=f"{scheme}://127.0.0.1:1")
    make(RATELIMIT_STORAGE_URI="redis+sentinel://127.0.0.1:1/primary")


@row(LIMITER, 'storage_uri="mongodb')
def no_mongodb() -> None:
    with pytest.raises(SettingError, match="RATELIMIT_STORAGE_URI"):
        make(RATELIMIT_STORAGE_URI="mongodb://127.0.0.1:1")


@row(LIMITER, "strategy=")
def exact_window() -> None:
    from flasgo_security import SecurityPlugin

    now = [1000.0]
    app = Flasgo(
        settings={"SECRET_KEY": KEY},
        plugins=[SecurityPlugin(clock=lambda: now[0])],
        discover=False,
    )
    app.get("/")(rate_limit("2/minute")(lambda: "x"))
    client = TestClient(app)
    now[0] += 59.0
    assert statuses(client) == [200, 200]
    now[0] += 2.0  # a fixed window would begin anew here
    assert client.get("/").status_code == 429


@row(LIMITER, "key_prefix", "swallow_errors")
def storage_settings() -> None:
    app = make(
        RATELIMIT_STORAGE_URI="redis://127.0.0.1:1",
        RATELIMIT_STORAGE_PREFIX="shop:",
        RATELIMIT_STORAGE_FAILURE="open",
        RATELIMIT_STORAGE_TIMEOUT_SECONDS=1,
    )
    app.get("/")(rate_limit("1/minute")(lambda: "x"))
    with client_of(app) as client:
        assert statuses(client) == [200, 200]


@row(LIMITER, "in_memory_fallback")
def refuses_while_the_storage_is_down() -> None:
    settings = {"RATELIMIT_STORAGE_URI": "redis://127.0.0.1:1"}
    app = make(**settings, RATELIMIT_STORAGE_TIMEOUT_SECONDS=1)
    app.get("/")(rate_limit("1/minute")(lambda: "x"))
    with client_of(app) as client:
        assert client.get("/").status_code == 503
    with pytest.raises(SettingError, match="RATELIMIT_STORAGE_FAILURE"):
        make(**settings, RATELIMIT_STORAGE_FAILURE="memory")


@row(LIMITER, "meta_limits")
def failures_are_throttled() -> None:
    app = make(SECURITY_FAILURE_RATE_LIMIT=2)
    app.get("/")(lambda: "x")
    client = client_of(app)
    evil = {"host": "evil.example"}
    assert statuses(client, headers=evil, times=3) == [400, 400, 429]


@row(LIMITER, "limiter.reset()")
def reset() -> None:
    app = make()

    @app.get("/")
    @rate_limit("1/minute", key_func=lambda request: "ann")
    async def index() -> str:
        return "x"

    @app.get("/reset")
    async def paid() -> str:
        await app.quota.reset("ann")
        return "x"

    client = client_of(app)
    assert [client.get(path).status_code for path in ("/", "/", "/reset", "/")] == [
        200, 429, 200, 200,
    ]  # fmt: skip


@row(LIMITER, "RATELIMIT_ENABLED")
def switched_off() -> None:
    app = make(RATELIMIT_ENABLED=False)
    app.get("/")(rate_limit("1/minute")(lambda: "x"))
    assert statuses(client_of(app)) == [200, 200]
    assert "security.W015" in {finding.code for finding in collect_findings(app, deploy=True)}


@row(LIMITER, "in a handler")
def by_the_body() -> None:
    async def by_address(request: Request) -> str:
        return str((await request.form()).get("email"))

    app = make()

    @app.post("/")
    @rate_limit("1/minute", key_func=by_address)
    async def index(request: Request) -> str:
        return str((await request.form()).get("email"))

    client = client_of(app)

    def send(email: str) -> int:
        return client.post("/", data={"email": email}).status_code

    assert [send("a@b.c"), send("a@b.c"), send("d@b.c")] == [200, 429, 200]


@row(LIMITER, "class-based views")
def class_based_views() -> None:
    class View(MethodView):
        @rate_limit("1/minute")
        async def get(self) -> str:
            return "x"

    app = make()
    app.add_route("/", View)
    assert statuses(client_of(app)) == [200, 429]


@row(LIMITER, "flask limiter limits")
def listing() -> None:
    app = make()
    app.get("/")(rate_limit("1/minute")(lambda: "x"))
    assert [policy.explain() for policy in app.routes[0].policies] == ["rate_limit (1 per 60 s)"]
    assert "Quotas" in {table.title for table in collect_tables(app)}


# --- slowapi ------------------------------------------------------------------------------------

SLOWAPI = "slowapi"


@row(
    SLOWAPI, "app.state.limiter", "request: Request", "response: Response", "add_exception_handler"
)
def nothing_to_set_up() -> None:
    app = make()

    @app.get("/")
    @rate_limit("1/minute")
    def index() -> str:
        return "x"

    client = client_of(app)
    assert "ratelimit-limit" in client.get("/").headers
    assert client.get("/").status_code == 429


CHECKS[SLOWAPI, "SlowAPIMiddleware"] = default_limits


@row(SLOWAPI, "get_ipaddr")
def trusted_proxies_alone() -> None:
    app = make(TRUSTED_PROXIES={"10.0.0.1"})
    app.get("/")(lambda request: request.client_ip)
    headers = {"x-forwarded-for": "192.0.2.7"}
    assert client_of(app, client=("203.0.113.1", 1)).get("/", headers=headers).text == "203.0.113.1"
    assert client_of(app, client=("10.0.0.1", 1)).get("/", headers=headers).text == "192.0.2.7"


@row(SLOWAPI, "WebSockets")
def websockets() -> None:
    app = make()

    @app.websocket("/ws")
    @rate_limit("1/minute")
    async def ws(websocket: Any) -> None:
        await websocket.accept()

    client = client_of(app)
    with client.websocket_connect("/ws"):
        pass
    with pytest.raises(Exception, match="429"), client.websocket_connect("/ws"):
        pass


@row(SLOWAPI, "env file")
def environment() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLASGO_RATELIMIT_DEFAULT", "1/minute")
        assert statuses(limited()) == [200, 429]


# --- Flask-Login --------------------------------------------------------------------------------

LOGIN = "Flask-Login"


def accounts(*plugins: object, load: Any = None, generation: Any = None, **settings: Any) -> Flasgo:
    """Return an app whose visitors log in as ann."""
    app = make(*plugins, **settings)
    load = load or (lambda user_id: User(id=user_id, name=str(user_id)))
    app.register_auth_backend("session", session_backend(load, generation=generation))

    @app.post("/login")
    async def log_in(request: Request) -> str:
        days = request.query.get("remember")
        login(
            request,
            User(id="ann"),
            remember=None if days is None else int(days),
            generation=(generation(None) if generation else None),
        )
        return "in"

    @app.post("/logout")
    async def log_out(request: Request) -> str:
        logout(request)
        return "out"

    @app.get("/me")
    @authorize()
    async def me() -> str:
        return str(current_user.id)

    @app.get("/who")
    async def who(request: Request) -> str:
        return str(request.user.id) if request.user else "stranger"

    return app


@row(LOGIN, "user_loader", "login_user(user)", "logout_user()", "current_user", "@login_required")
def logins() -> None:
    client = client_of(accounts())
    assert client.get("/me").status_code == 401
    client.post("/login")
    before = client.cookies["session"]
    assert client.get("/me").text == client.get("/who").text == "ann"
    client.post("/login")
    assert client.cookies["session"] != before
    client.post("/logout")
    assert (client.get("/me").status_code, client.get("/who").text) == (401, "stranger")
    closed = make(DEFAULT_PERMISSIONS=["flasgo_auth.IsAuthenticated"])
    closed.get("/")(lambda: "x")
    assert client_of(closed).get("/").status_code == 401


@row(LOGIN, "request_loader")
def request_loader() -> None:
    app = make()
    app.register_auth_backend(
        "key", lambda request: User(id="bot") if request.headers.get("x-key") == "k" else None
    )
    app.get("/")(authorize()(lambda: str(current_user.id)))
    assert client_of(app).get("/", headers={"x-key": "k"}).text == "bot"


@row(LOGIN, "remember=True")
def remember() -> None:
    answer = client_of(accounts(SESSION_PERMANENT=False)).post("/login?remember=86400")
    assert "Max-Age=86400" in answer.headers["set-cookie"]


@row(LOGIN, "fresh_login_required", "confirm_login()")
def recent_login() -> None:
    app = accounts()
    app.get("/pay")(authorize(RecentLogin(900))(lambda: "paid"))
    client = client_of(app)
    assert client.get("/pay").status_code == 401
    client.post("/login")
    assert client.get("/pay").text == "paid"
    with client.session_transaction() as session:
        session["_auth"] = {**session["_auth"], "at": int(time.time()) - 901}
    assert client.get("/me").text == "ann"
    stale = client.get("/pay")
    assert (stale.status_code, "www-authenticate" in stale.headers) == (401, True)
    assert "Log in again" in stale.json()["detail"]
    client.post("/login")
    assert client.get("/pay").text == "paid"


@row(LOGIN, "login_view")
def login_view() -> None:
    app = accounts(LOGIN_URL="/login")
    app.get("/pay")(authorize(RecentLogin(900))(lambda: "paid"))
    client = client_of(app)
    answer = client.get("/me", headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2Fme")
    assert (safe_next("/me"), safe_next("//evil.example")) == ("/me", "/")
    client.post("/login")
    with client.session_transaction() as session:
        session["_auth"] = {**session["_auth"], "at": 1}
    assert client.get("/pay", headers=HTML).headers["location"] == "/login?next=%2Fpay"


@row(LOGIN, "login_message")
def login_message() -> None:
    app = accounts(LOGIN_URL="/login")

    @app.get("/login", endpoint="login_page")
    async def page(request: Request, next: str = "") -> str:  # noqa: A002
        if next:
            flash("Please log in.")
        return "page"

    client = client_of(app)
    assert client.get(client.get("/me", headers=HTML).headers["location"]).text == "page"


@row(LOGIN, "unauthorized_handler")
def unauthorized_handler() -> None:
    app = accounts()
    app.errorhandler(401)(lambda error: ("Who are you?", 401))
    assert client_of(app).get("/me").text == "Who are you?"


@row(LOGIN, "UserMixin", "anonymous_user")
def users() -> None:
    assert User(id=1)
    assert not ANONYMOUS
    assert client_of(accounts()).get("/who").text == "stranger"


@row(LOGIN, "is_active")
def closed_accounts() -> None:
    client = client_of(accounts(load=lambda user_id: None))
    client.post("/login")
    assert client.get("/me").status_code == 401


@row(LOGIN, "get_id()")
def generation() -> None:
    current = [1]
    client = client_of(accounts(generation=lambda user: current[0]))
    client.post("/login")
    assert client.get("/me").text == "ann"
    current[0] = 2
    assert client.get("/me").status_code == 401


@row(LOGIN, "session_protection")
def no_session_protection() -> None:
    client = client_of(accounts())
    client.post("/login", headers={"user-agent": "a"})
    assert client.get("/me", headers={"user-agent": "b"}).text == "ann"


@row(LOGIN, "signals")
def hooks() -> None:
    heard = []

    class Ears:
        @hookimpl(optionalhook=True)
        def user_logged_in(self, request: Any, user: User) -> None:
            heard.append(("in", user.id))

        @hookimpl(optionalhook=True)
        def user_logged_out(self, request: Any, user_id: object) -> None:
            heard.append(("out", user_id))

    client = client_of(accounts(Ears()))
    client.post("/login")
    client.post("/logout")
    assert heard == [("in", "ann"), ("out", "ann")]


@row(LOGIN, "FlaskLoginClient", "LOGIN_DISABLED")
def test_clients_log_in() -> None:
    client = client_of(accounts())
    client.login(User(id="eve"))
    assert client.get("/me").text == "eve"
    with pytest.raises(SettingError, match="LOGIN_DISABLED"):
        make(LOGIN_DISABLED=True)


# --- Flask-Session ------------------------------------------------------------------------------

SESSION = "Flask-Session"


def counted(**settings: Any) -> Flasgo:
    app = make(**settings)

    @app.get("/")
    async def index(request: Request) -> dict[str, object]:
        request.session["n"] = 1
        return {"n": request.session["n"], "id": request.session.id}

    @app.get("/look")
    async def look(request: Request) -> dict[str, object]:
        return {"n": request.session.get("n")}

    @app.get("/new")
    async def new(request: Request) -> dict[str, object]:
        request.session.regenerate()
        return {"id": request.session.id}

    return app


@row(
    SESSION, 'SESSION_TYPE = "redis"', "SESSION_KEY_PREFIX", "SESSION_USE_SIGNER", "session_cleanup"
)
def session_settings() -> None:
    for scheme in ("redis", "rediss", "valkey"):
        make(SESSION_STORE_URI=f"{scheme}://127.0.0.1:1/0", SESSION_STORE_PREFIX="shop:")
    with pytest.raises(SettingError):
        make(SESSION_USE_SIGNER=False)


@row(SESSION, "filesystem")
def own_stores() -> None:
    from flasgo.plugin import Registry

    assert callable(Registry.session_store)
    with pytest.raises(SettingError, match="SESSION_STORE_URI"):
        make(SESSION_STORE_URI="file:///tmp/sessions")


@row(SESSION, "SESSION_PERMANENT")
def permanent() -> None:
    assert (
        "Max-Age" not in client_of(counted(SESSION_PERMANENT=False)).get("/").headers["set-cookie"]
    )


@row(SESSION, "PERMANENT_SESSION_LIFETIME")
def lifetime() -> None:
    answer = client_of(counted(SESSION_LIFETIME_SECONDS=60)).get("/")
    assert "Max-Age=60" in answer.headers["set-cookie"]


@row(SESSION, "SESSION_REFRESH_EACH_REQUEST")
def refresh() -> None:
    for seconds, is_sent in ((None, False), (0, True)):
        client = client_of(counted(SESSION_REFRESH_SECONDS=seconds))
        client.get("/")
        assert ("set-cookie" in client.get("/look").headers) is is_sent


@row(SESSION, "SESSION_ID_LENGTH", "session.sid", "regenerate(session)")
def identifiers() -> None:
    client = client_of(counted())
    first = client.get("/").json()["id"]
    assert len(first) >= 22  # 128 bits in Base64
    assert client.get("/new").json()["id"] != first
    assert client.get("/look").json() == {"n": 1}


@row(SESSION, "SESSION_SERIALIZATION_FORMAT")
def json_alone() -> None:
    app = make()

    @app.get("/")
    async def index(request: Request) -> str:
        with pytest.raises(TypeError, match="bytes"):
            request.session["x"] = b"pickle"
        return "refused"

    assert client_of(app).get("/").text == "refused"


@row(SESSION, "deleting a session")
def revoke() -> None:
    assert callable(make(SESSION_STORE_URI="redis://127.0.0.1:1/0").revoke_session)


# --- django-cors-headers ------------------------------------------------------------------------

CORS = "django-cors-headers"


def cross_origin(
    origin: str = ORIGIN,
    method: str = "GET",
    *,
    decorate: Any = None,
    headers: dict[str, str] | None = None,
    **settings: Any,
) -> Any:
    app = make(**settings)

    async def index() -> str:
        return "x"

    app.add_route("/", decorate(index) if decorate else index, methods=["GET", "PUT"])
    return client_of(app).request(method, "/", headers={"origin": origin, **(headers or {})})


def allowed(answer: Any) -> str | None:
    return answer.headers.get("access-control-allow-origin")


def preflight(method: str = "PUT", asked: str = "", **settings: Any) -> Any:
    headers = {"access-control-request-method": method}
    if asked:
        headers["access-control-request-headers"] = asked
    return cross_origin(method="OPTIONS", headers=headers, CORS_ORIGINS={ORIGIN}, **settings)


@row(CORS, "CORS_ALLOWED_ORIGINS")
def origins() -> None:
    assert allowed(cross_origin(CORS_ORIGINS={ORIGIN})) == ORIGIN
    assert allowed(cross_origin("https://evil.example", CORS_ORIGINS={ORIGIN})) is None
    assert allowed(cross_origin(decorate=cors(ORIGIN))) == ORIGIN


@row(CORS, "CORS_ALLOWED_ORIGIN_REGEXES")
def one_label() -> None:
    settings: dict[str, Any] = {"CORS_ORIGINS": {"https://*.example.com"}}
    assert allowed(cross_origin(**settings)) == ORIGIN
    for other in ("https://a.b.example.com", "https://evilexample.com", "https://example.com"):
        assert allowed(cross_origin(other, **settings)) is None
    with pytest.raises(SettingError, match="not an origin"):
        make(CORS_ORIGINS={r"https://\w+\.example\.com"})


@row(CORS, "CORS_ALLOW_ALL_ORIGINS")
def all_origins() -> None:
    assert allowed(cross_origin(CORS_ORIGINS={"*"})) == "*"
    with pytest.raises(SettingError, match="with credentials"):
        make(CORS_ORIGINS={"*"}, CORS_CREDENTIALS=True)


@row(CORS, "CORS_URLS_REGEX")
def per_route() -> None:
    app, api = make(), Blueprint("api", url_prefix="/api")
    api.get("/x")(lambda: "x")
    cors(ORIGIN)(api)
    app.register_blueprint(api)
    app.get("/page")(lambda: "x")
    client = client_of(app)
    assert allowed(client.get("/api/x", headers={"origin": ORIGIN})) == ORIGIN
    assert allowed(client.get("/page", headers={"origin": ORIGIN})) is None


@row(CORS, "CORS_ALLOW_METHODS")
def cors_methods() -> None:
    assert preflight("PUT").status_code == 204
    assert preflight("PUT", CORS_METHODS={"GET"}).status_code == 400


@row(CORS, "CORS_ALLOW_HEADERS")
def cors_headers() -> None:
    assert preflight(asked="x-key").status_code == 400
    assert preflight(asked="x-key", CORS_HEADERS={"x-key"}).status_code == 204


@row(CORS, "CORS_EXPOSE_HEADERS")
def exposed() -> None:
    answer = cross_origin(CORS_ORIGINS={ORIGIN}, CORS_EXPOSE_HEADERS={"x-total"})
    assert answer.headers["access-control-expose-headers"].lower() == "x-total"


@row(CORS, "CORS_PREFLIGHT_MAX_AGE")
def max_age() -> None:
    assert preflight(CORS_MAX_AGE_SECONDS=7).headers["access-control-max-age"] == "7"


@row(CORS, "CORS_ALLOW_CREDENTIALS")
def credentials() -> None:
    answer = cross_origin(CORS_ORIGINS={ORIGIN}, CORS_CREDENTIALS=True)
    assert answer.headers["access-control-allow-credentials"] == "true"


@row(CORS, "CORS_ALLOW_PRIVATE_NETWORK")
def private_network() -> None:
    headers = {
        "access-control-request-method": "PUT",
        "access-control-request-private-network": "true",
    }
    answer = cross_origin(
        method="OPTIONS", headers=headers, CORS_ORIGINS={ORIGIN}, CORS_PRIVATE_NETWORK=True
    )
    assert answer.headers["access-control-allow-private-network"] == "true"


@row(CORS, "check_request_enabled")
def origin_function() -> None:
    assert (
        allowed(cross_origin(CORS_ORIGIN_FUNC=lambda origin, request: origin == ORIGIN)) == ORIGIN
    )


@row(CORS, "CSRF_TRUSTED_ORIGINS")
def trusted_origins() -> None:
    app = make(CSRF_ENABLED=True, CSRF_COOKIE_SECURE=False, CSRF_TRUSTED_ORIGINS={ORIGIN})
    app.get("/token")(lambda request: str(request.csrf_token))
    app.post("/")(lambda: "x")
    client = client_of(app, enforce_csrf=True)
    token = {"x-csrf-token": client.get("/token").text}
    for origin, status in ((ORIGIN, 200), ("https://evil.example", 403)):
        assert client.post("/", headers={"origin": origin, **token}).status_code == status


@row(CORS, "middleware order")
def nothing_to_order() -> None:
    app = make(CORS_ORIGINS={ORIGIN})

    @app.put("/")
    @authorize()
    async def index() -> str:
        return "x"

    @app.get("/error")
    @authorize(AllowAny())
    async def error() -> str:
        raise HTTPException(418, "no")

    client = client_of(app)
    asked = {"origin": ORIGIN, "access-control-request-method": "PUT"}
    assert client.options("/", headers=asked).status_code == 204
    assert allowed(client.put("/", headers={"origin": ORIGIN})) == ORIGIN
    assert allowed(client.get("/error", headers={"origin": ORIGIN})) == ORIGIN
