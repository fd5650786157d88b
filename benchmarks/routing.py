"""How long flasgo's router takes to find a route, as the number of routes grows."""

import gc
import time
from dataclasses import dataclass
from statistics import median

from flasgo.routing import Route, Router

SIZES = (10, 100, 1_000, 10_000)
KINDS = ("static", "dynamic")

# The same number of different paths is asked for at every size, spread over the whole table, so
# that what differs is the table and not how much of it the processor's cache holds.
ASKED = 10


@dataclass(frozen=True)
class Lookup:
    """The time of one look-up.

    Args:
        kind: `static`, or `dynamic` for rules with an int and a text parameter.
        routes: How many routes the router holds.
        nanoseconds: Median per look-up.
        ratio_to_smallest: Median of the rounds' ratios to the smallest table.
    """

    kind: str
    routes: int
    nanoseconds: float
    ratio_to_smallest: float


def measure(*, rounds: int, lookups: int) -> list[Lookup]:
    """Measure static and dynamic rules at every size, the sizes taking turns.

    Args:
        rounds: Values per size.
        lookups: Look-ups behind each value.

    Returns:
        One `Lookup` per kind and size.
    """
    return [found for kind in KINDS for found in _measure_kind(kind, rounds, lookups)]


def _measure_kind(kind: str, rounds: int, lookups: int) -> list[Lookup]:
    tables = [_Table(kind, size) for size in SIZES]
    for table in tables:
        table.time(max(1, lookups // 4))
    taken: list[list[float]] = [[] for _ in tables]
    for _ in range(rounds):
        for index, table in enumerate(tables):
            taken[index].append(table.time(lookups))
    return [
        Lookup(
            kind,
            size,
            median(seconds) * 1e9,
            median(own / smallest for own, smallest in zip(seconds, taken[0], strict=True)),
        )
        for size, seconds in zip(SIZES, taken, strict=True)
    ]


class _Table:
    """A router with a number of routes, and the paths to ask it for."""

    def __init__(self, kind: str, size: int) -> None:
        rule = "/section-{0}/page" if kind == "static" else "/section-{0}/<int:id>/items/<name>"
        path = "/section-{0}/page" if kind == "static" else "/section-{0}/42/items/tea"
        router = Router()
        for number in range(size):
            router.add(Route(rule.format(number), _handler, endpoint=f"page-{number}"))
        step = size // ASKED
        self.paths = [path.format(number) for number in range(step - 1, size, step)]
        self.match = router.match
        self._prove()

    def _prove(self) -> None:
        endpoints = [
            found.route.endpoint for path in self.paths if (found := self.match("GET", path))
        ]
        expected = [f"page-{path.split('/')[1].removeprefix('section-')}" for path in self.paths]
        if endpoints != expected:
            raise RuntimeError(f"the router found {endpoints} instead of {expected}")

    def time(self, lookups: int) -> float:
        """Seconds per look-up."""
        match, paths = self.match, self.paths
        turns = max(1, lookups // len(paths))
        gc.collect()
        gc.disable()
        try:
            started = time.perf_counter()
            for _ in range(turns):
                for path in paths:
                    match("GET", path)
            return (time.perf_counter() - started) / (turns * len(paths))
        finally:
            gc.enable()


def _handler() -> None:
    return None
