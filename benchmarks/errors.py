"""What refusals cost, next to what Falcon takes for a path that it does not have (SERVE-3)."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from statistics import median

from flasgo import Connection, Flasgo
from flasgo_auth import HasScope, IsAuthenticated, User

from benchmarks.asgi import ASGIApp, Exchange, ask, running
from benchmarks.contestants import Contestant, contestant
from benchmarks.timing import WARM_UP_SHARE, Runner, drive
from benchmarks.workload import SECRET_KEY, WrongAnswer

RIVAL = "falcon-404"
_ALICE = User("alice")
_PAGE = (b"accept", b"text/html,application/xhtml+xml,*/*;q=0.8")


@dataclass(frozen=True)
class Case:
    """One refusal.

    Args:
        name: Key in the JSON output.
        label: What the table prints.
        contestant: Who refuses.
        status: The status to expect.
        exchange: The request.
    """

    name: str
    label: str
    contestant: str
    status: int
    exchange: Exchange


_NOWHERE = Exchange("/nowhere")
CASES = (
    Case("404", "404, JSON", "flasgo", 404, _NOWHERE),
    Case("404-page", "404, a page", "flasgo", 404, Exchange("/nowhere", headers=(_PAGE,))),
    Case("405", "405", "flasgo", 405, Exchange("/", "DELETE", ((b"sec-fetch-site", b"none"),))),
    Case("401", "401, an async backend was asked", "flasgo", 401, Exchange("/members")),
    Case("403", "403, likewise", "flasgo", 403, Exchange("/admins", headers=((b"x-user", b"a"),))),
    Case("429", "429, counted in memory", "flasgo", 429, Exchange("/limited")),
    Case("falcon-404", "Falcon's 404", "falcon", 404, _NOWHERE),
    Case("starlette-404", "Starlette's 404", "starlette", 404, _NOWHERE),
    Case("blacksheep-404", "BlackSheep's 404", "blacksheep", 404, _NOWHERE),
)


@dataclass(frozen=True)
class Refusal:
    """The time that one refusal takes.

    Args:
        name: The case's key.
        label: The case in words.
        value: Microseconds per request, the median round; None where the peer is not installed.
        ratio: Median of the rounds' ratios to Falcon's 404; None without one side.
    """

    name: str
    label: str
    value: float | None
    ratio: float | None


def application() -> ASGIApp:
    """Build the app that refuses: the whole bundle, with a backend, permissions and a quota."""
    app = Flasgo(settings={"SECRET_KEY": SECRET_KEY})

    async def who(request: Connection) -> User | None:
        return _ALICE if request.raw_header(b"x-user") else None

    app.register_auth_backend("key", who)
    routes: tuple[tuple[str, Callable[..., object]], ...] = (
        ("/", _handler()),
        ("/members", app.authorize(IsAuthenticated())(_handler())),
        ("/admins", app.authorize(HasScope("admin"))(_handler())),
        ("/limited", app.ratelimit(1, per=86400)(_handler())),
    )
    for path, handler in routes:
        app.get(path, endpoint=path[1:] or "home")(handler)
    return app


def _handler() -> Callable[..., object]:
    """Return a handler of its own: policies are attached to handlers, whatever app has them."""

    async def handler() -> dict[str, str]:
        return {"framework": "flasgo", "status": "ok"}

    return handler


def measure(*, rounds: int, requests: int) -> list[Refusal]:
    """Measure all cases, taking turns.

    Args:
        rounds: Values per case.
        requests: Requests behind each value.

    Raises:
        WrongAnswer: A contestant does not refuse.
    """
    taken = asyncio.run(_measure(rounds, requests))
    rival = taken.get(RIVAL)
    return [
        Refusal(
            case.name,
            case.label,
            median(own) * 1e6 if own else None,
            median(a / b for a, b in zip(own, rival, strict=True)) if own and rival else None,
        )
        for case in CASES
        for own in (taken.get(case.name),)
    ]


async def _measure(rounds: int, requests: int) -> dict[str, list[float]]:
    async with AsyncExitStack() as stack:
        runners: dict[str, Runner] = {}
        apps: dict[str, ASGIApp] = {}
        for case in CASES:
            who = contestant(case.contestant)
            if not who.is_installed:
                continue
            if case.contestant not in apps:
                app = application() if who.name == "flasgo" else who.app("json")
                await stack.enter_async_context(running(app))
                apps[case.contestant] = app
            runners[case.name] = await _runner(case, who, apps[case.contestant])
        for runner in runners.values():
            await drive(runner, max(1, int(requests * WARM_UP_SHARE)))
        taken: dict[str, list[float]] = {name: [] for name in runners}
        names = list(runners)
        for turn in range(rounds):
            for step in range(len(names)):
                name = names[(turn + step) % len(names)]
                taken[name].append(await drive(runners[name], requests))
        return taken


async def _runner(case: Case, who: Contestant, app: ASGIApp) -> Runner:
    for _ in range(2):  # the first request of a quota passes
        answer = await ask(app, case.exchange)
    if answer.status != case.status:
        raise WrongAnswer(f"{case.label}: expected {case.status}, found {answer.status}")
    return Runner(who, app, case.exchange.scope(), b"")
