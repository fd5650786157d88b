"""The one loop whose time is taken, and the order in which contestants take turns."""

import gc
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from statistics import median

from benchmarks.asgi import ASGIApp, Message, Scope, running
from benchmarks.contestants import Contestant
from benchmarks.workload import prepare

WARM_UP_SHARE = 0.25


@dataclass(frozen=True)
class Runner:
    """A started application and the request to repeat."""

    contestant: Contestant
    app: ASGIApp
    scope: Scope
    body: bytes


@dataclass(frozen=True)
class Samples:
    """Seconds per request of one contestant, one value per round, in the order of the rounds."""

    contestant: Contestant
    seconds: tuple[float, ...]

    @property
    def microseconds(self) -> float:
        """The median round, in microseconds per request."""
        return median(self.seconds) * 1e6

    def ratio_to(self, other: "Samples") -> float:
        """The median of the rounds' ratios.

        Both sides of each ratio were measured within the same second or so, so a machine that
        slows down for a while moves both.
        """
        return median(a / b for a, b in zip(self.seconds, other.seconds, strict=True))


async def drive(runner: Runner, requests: int) -> float:
    """Send a request again and again, one at a time.

    Args:
        runner: What to drive.
        requests: How often.

    Returns:
        Seconds per request.
    """
    app, scope = runner.app, runner.scope
    message: Message = {"type": "http.request", "body": runner.body, "more_body": False}

    async def receive() -> Message:
        return message

    async def send(message: Message) -> None:
        return None

    gc.collect()
    gc.disable()
    try:
        started = time.perf_counter()
        for _ in range(requests):
            await app(dict(scope), receive, send)
        return (time.perf_counter() - started) / requests
    finally:
        gc.enable()


async def interleave(
    contestants: Sequence[Contestant], scenario: str, *, rounds: int, requests: int
) -> list[Samples]:
    """Measure contestants in turns: round robin, each round starting with the next one.

    Args:
        contestants: Who takes part; all installed.
        scenario: What they are asked.
        rounds: How many values each gets.
        requests: How many requests stand behind each value.

    Returns:
        One `Samples` per contestant, in the given order.

    Raises:
        WrongAnswer: A contestant does not answer what the scenario asks.
    """
    async with AsyncExitStack() as stack:
        runners: list[Runner] = []
        for contestant in contestants:
            app = contestant.app(scenario)
            await stack.enter_async_context(running(app))
            exchange = await prepare(contestant, app, scenario)
            runners.append(Runner(contestant, app, exchange.scope(), exchange.body))
        for runner in runners:
            await drive(runner, max(1, int(requests * WARM_UP_SHARE)))
        taken: list[list[float]] = [[] for _ in runners]
        for turn in range(rounds):
            for step in range(len(runners)):
                index = (turn + step) % len(runners)
                taken[index].append(await drive(runners[index], requests))
    return [Samples(r.contestant, tuple(t)) for r, t in zip(runners, taken, strict=True)]
