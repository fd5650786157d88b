"""What each protection costs: all defaults, and one thing at a time switched off or on."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from statistics import median

from flasgo import Flasgo, Request, hookimpl

from benchmarks.asgi import ASGIApp, Exchange, ask, running
from benchmarks.contestants import Contestant
from benchmarks.timing import WARM_UP_SHARE, Runner, drive
from benchmarks.workload import PROTECTIVE_HEADERS, SECRET_KEY, SESSION, WrongAnswer

_HEADER_SETTINGS = (
    "CONTENT_SECURITY_POLICY",
    "STRICT_TRANSPORT_SECURITY",
    "X_FRAME_OPTIONS",
    "X_CONTENT_TYPE_OPTIONS",
    "REFERRER_POLICY",
    "PERMISSIONS_POLICY",
    "CROSS_ORIGIN_OPENER_POLICY",
    "CACHE_CONTROL",
)
_SAME_ORIGIN = (b"sec-fetch-site", b"same-origin")
_PLENTY = 10**9


def _nowhere(route: object) -> bool:
    return False


class IdlePlugin:
    """Implements the hooks of a request, for no route at all."""

    name = "idle"

    @hookimpl(when=_nowhere)
    def request_started(self) -> None: ...

    @hookimpl(when=_nowhere)
    async def authorize(self) -> None: ...

    @hookimpl
    def wrap_handler(self) -> None: ...

    @hookimpl(when=_nowhere)
    def response_finalize(self) -> None: ...

    @hookimpl(when=_nowhere)
    def request_finished(self) -> None: ...

    @hookimpl(optionalhook=True)
    def security_event_reported(self) -> None: ...


@dataclass(frozen=True)
class Variant:
    """One application and the request to repeat.

    Args:
        name: Key in the JSON output.
        label: What the table prints.
        against: The variant that it is compared with; None for those others are compared with.
        settings: Settings besides the secret.
        without: Components of the security plugin to take out.
        plugins: Further plugins.
        off: Plugins that are switched off.
        request: The request.
        needs_session: Whether a session cookie is sent along.
    """

    name: str
    label: str
    against: str | None = None
    settings: dict[str, object] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    plugins: tuple[type, ...] = ()
    off: tuple[str, ...] = ()
    request: Exchange = field(default_factory=Exchange)
    needs_session: bool = False


_POST = Exchange("/", "POST", (_SAME_ORIGIN,))
_ORIGIN = "https://app.example.com"

VARIANTS: tuple[Variant, ...] = (
    Variant("get", "GET, all defaults"),
    Variant("no-hosts", "  without the host check", "get", without=("hosts",)),
    Variant("no-headers", "  without the hardened headers", "get",
            settings=dict.fromkeys(_HEADER_SETTINGS)),
    Variant("no-cookies", "  without sessions and CSRF cookies", "get", without=("cookies",)),
    Variant("throttle", "  + throttling of failures", "get",
            settings={"SECURITY_FAILURE_RATE_LIMIT": 100}),
    Variant("proxies", "  + trusted proxies, X-Forwarded-For", "get",
            settings={"TRUSTED_PROXIES": {"127.0.0.1"}},
            request=Exchange(headers=((b"x-forwarded-for", b"203.0.113.7"),))),
    Variant("cors", "  + CORS, request of a listed origin", "get",
            settings={"CORS_ORIGINS": {_ORIGIN}},
            request=Exchange(headers=((b"origin", _ORIGIN.encode()),))),
    Variant("session", "  + a signed session is read", "get", request=Exchange("/session"),
            needs_session=True),
    Variant("token", "  + a CSRF token is shown", "get", request=Exchange("/token")),
    Variant("limited", "  + a quota, counted in memory", "get", request=Exchange("/limited")),
    Variant("idle", "  + hooks that leave the route out, nothing traced", "get",
            plugins=(IdlePlugin,)),
    Variant("no-ids", "  without the plugin of request ids", "get", off=("request_ids",)),
    Variant("ids", "  + a request id with each answer", "get",
            settings={"REQUEST_ID_HEADER": "X-Request-ID"}),
    Variant("no-access-log", "  without the plugin of the access log", "get", off=("access_log",)),
    Variant("access-log", "  + an access log without a handler", "get",
            settings={"ACCESS_LOG": True}),
    Variant("no-health", "  without the plugin of health paths", "get", off=("health",)),
    Variant("health", "  + paths for load balancers", "get",
            settings={"HEALTH_PATH": "/healthz", "READY_PATH": "/readyz"}),
    Variant("traced", "  + every hook traced and timed (DEBUG)", "get", settings={"DEBUG": True}),
    Variant("post", "POST of an own page, all defaults", request=_POST),
    Variant("no-csrf", "  without the CSRF check", "post", settings={"CSRF_ENABLED": False},
            request=_POST),
)  # fmt: skip


@dataclass(frozen=True)
class Cost:
    """The time of one variant.

    Args:
        name: The variant's key.
        label: The variant in words.
        value: Microseconds per request, the median round.
        against: The variant that it is compared with.
        difference: Median of the rounds' differences to it, in microseconds.
    """

    name: str
    label: str
    value: float
    against: str | None
    difference: float | None


def measure(*, rounds: int, requests: int) -> list[Cost]:
    """Measure all variants, taking turns.

    Args:
        rounds: Values per variant.
        requests: Requests behind each value.

    Returns:
        One `Cost` per variant.

    Raises:
        WrongAnswer: A variant does not answer as it should.
    """
    taken = asyncio.run(_measure(rounds, requests))
    by_name = {each.name: seconds for each, seconds in zip(VARIANTS, taken, strict=True)}
    return [_cost(each, by_name) for each in VARIANTS]


def _cost(variant: Variant, seconds: dict[str, list[float]]) -> Cost:
    own = seconds[variant.name]
    difference = None
    if variant.against is not None:
        pairs = zip(own, seconds[variant.against], strict=True)
        difference = median(mine - other for mine, other in pairs) * 1e6
    return Cost(variant.name, variant.label, median(own) * 1e6, variant.against, difference)


async def _measure(rounds: int, requests: int) -> list[list[float]]:
    async with AsyncExitStack() as stack:
        runners = [await _runner(each, stack) for each in VARIANTS]
        for runner in runners:
            await drive(runner, max(1, int(requests * WARM_UP_SHARE)))
        taken: list[list[float]] = [[] for _ in runners]
        for turn in range(rounds):
            for step in range(len(runners)):
                index = (turn + step) % len(runners)
                taken[index].append(await drive(runners[index], requests))
    return taken


async def _runner(variant: Variant, stack: AsyncExitStack) -> Runner:
    app = application(variant)
    await stack.enter_async_context(running(app))
    request = variant.request
    if variant.needs_session:
        login = await ask(app, Exchange("/login"))
        request = Exchange(request.path, headers=((b"cookie", login.cookies()),))
    answer = await ask(app, request)
    missing = [name for name in PROTECTIVE_HEADERS if answer.header(name) is None]
    if answer.status != 200 or (missing and variant.name != "no-headers"):
        raise WrongAnswer(f"{variant.label.strip()}: answered {answer.status}, without {missing}")
    return Runner(Contestant(variant.name, variant.label, "flasgo"), app, request.scope(), b"")


def application(variant: Variant) -> ASGIApp:
    """Build the application of a variant, not started yet."""
    settings = {"SECRET_KEY": SECRET_KEY, **variant.settings}
    app = Flasgo(settings=settings, plugins=variant.plugins, disable_plugins={*variant.off})
    add: tuple[tuple[str, Callable[..., object]], ...] = (
        ("/login", login),
        ("/session", read_session),
        ("/token", show_token),
        ("/limited", app.ratelimit(_PLENTY, per=0.01)(_another_home())),
    )
    app.route("/", methods=["GET", "POST"])(home)
    for path, handler in add:
        app.get(path)(handler)
    for component in variant.without:
        app.plugins.manager.unregister(name=f"security.{component}")
    app._recompile()
    return app


async def home() -> dict[str, str]:
    """The JSON route."""
    return {"framework": "flasgo", "status": "ok"}


def _another_home() -> Callable[..., object]:
    """Return a handler of its own: quotas are attached to handlers, whatever app has them."""

    async def limited() -> dict[str, str]:
        return {"framework": "flasgo", "status": "ok"}

    return limited


async def show_token(request: Request) -> dict[str, str]:
    """Answer with a CSRF token."""
    return {"framework": "flasgo", "status": request.csrf_token}


async def login(request: Request) -> dict[str, str]:
    """Fill the session."""
    request.session.update(SESSION)
    return {"status": "ok"}


async def read_session(request: Request) -> dict[str, object]:
    """Answer with what the session holds."""
    session = request.session
    return {"user": session["user"], "visits": session["visits"]}
