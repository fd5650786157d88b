"""SEC-6: the quotas that one process keeps for itself, under load."""

import asyncio
import sys
from collections import Counter

import pytest
from flasgo_security import rate_limit
from flasgo_security.quotas.window import MAX_KEYS, SlidingWindow


@pytest.mark.parametrize("number", [200, 500])
@pytest.mark.parametrize("blocking", [True, False])
async def test_it_is_exact_under_concurrent_requests(make_app, connect, number, blocking):
    app = make_app(SYNC_WORKERS=8)
    runs: list[int] = []

    def limited():
        runs.append(1)
        return "x"

    app.get("/", blocking=blocking)(rate_limit(50, per=60)(limited))
    client = connect(app)
    answers = await asyncio.gather(*(client.aget("/") for _ in range(number)))
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses == {200: 50, 429: number - 50}
    assert len(runs) == 50


async def test_a_key_func_that_waits_lets_nobody_past(make_app, connect):
    async def by_nobody(request):
        await asyncio.sleep(0)
        return "same"

    app = make_app()
    app.get("/")(rate_limit(10, per=60, key_func=by_nobody)(lambda: "x"))
    client = connect(app)
    answers = await asyncio.gather(*(client.aget("/") for _ in range(100)))
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses == {200: 10, 429: 90}


@pytest.mark.parametrize("step", [-0.5, -59, -60, -3600, -1e9])
def test_time_going_backwards_does_not_open_the_door(make_app, connect, clock, step):
    app = make_app()
    app.get("/")(rate_limit(2, per=60)(lambda: "x"))
    client = connect(app)
    assert [client.get("/").status_code for _ in range(3)] == [200, 200, 429]
    clock.advance(step)
    refused = client.get("/")
    assert refused.status_code == 429
    assert int(refused.headers.get("retry-after")) >= 1
    clock.advance(-step)
    assert client.get("/").status_code == 429
    clock.advance(60)
    assert client.get("/").status_code == 200


def test_hits_from_before_and_after_a_step_back_all_count():
    now = [1000.0]
    window = SlidingWindow(3, 10.0, clock=lambda: now[0])
    window.hit("a")
    now[0] = 500.0
    window.hit("a")
    now[0] = 1005.0
    assert window.usage("a").used == 2
    now[0] = 1010.0
    assert window.usage("a").used == 0


def size_of(window: SlidingWindow) -> int:
    """Return the bytes behind all that a window remembers."""
    size = sys.getsizeof(window._logs) + sys.getsizeof(window._overflow)
    for logs in (window._logs, window._overflow):
        for key, log in logs.items():
            size += sys.getsizeof(key) + sys.getsizeof(log) + sum(map(sys.getsizeof, log))
    return size


def test_memory_is_bounded_under_a_million_different_keys():
    """Counted, not estimated: what a million callers leave behind."""
    now = [0.0]
    window = SlidingWindow(5, 60.0, clock=lambda: now[0])
    early = 0
    for number in range(1_000_000):
        now[0] += 0.000_01
        window.hit(f"2001:db8::{number:x}")
        if number == 99_999:
            early = size_of(window)
    assert len(window._logs) == MAX_KEYS
    assert len(window._overflow) <= 4096
    assert size_of(window) == pytest.approx(early, rel=0.05)
    assert size_of(window) < 4 * 1024 * 1024
    # Nobody of the first ones is forgotten, and they are still told from one another.
    assert window.usage("2001:db8::0").used == 1
