"""The sliding window: exact up to its capacity, bounded and without escapes beyond it."""

import pytest
from flasgo_security.quotas.window import SlidingWindow, Usage
from hypothesis import given, settings, strategies as st


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def window(limit=3, period=10.0, **options) -> tuple[SlidingWindow, Clock]:
    clock = Clock()
    return SlidingWindow(limit, period, clock=clock, **options), clock


def take(subject: SlidingWindow, key: str) -> bool:
    """Count a hit if there is room, in one step: a quota alone."""
    before = subject.usage(key)
    usage, is_free = subject.take(key)
    assert is_free is (before.used < subject.limit)
    assert usage.used == before.used + is_free
    assert usage == subject.usage(key)
    return is_free


def look_and_hit(subject: SlidingWindow, key: str) -> bool:
    """Count a hit if there is room, in two steps: several quotas, and failures."""
    if subject.usage(key).used >= subject.limit:
        return False
    subject.hit(key)
    return True


either_way = pytest.mark.parametrize("count", [take, look_and_hit])


steps = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.sampled_from([0.0, 0.5, 1.0, 4.0, 9.5, 10.0, 25.0])),
    max_size=60,
)


@either_way
@given(steps=steps, limit=st.integers(1, 4))
def test_within_capacity_it_equals_a_log_of_everything(count, steps, limit):
    subject, clock = window(limit)
    accepted: list[tuple[str, float]] = []
    for key, pause in steps:
        clock.now += pause
        recent = [at for k, at in accepted if k == key and at > clock.now - 10]
        usage = subject.usage(key)
        assert usage.used == len(recent)
        assert usage.wait == (pytest.approx(recent[0] + 10 - clock.now) if recent else 0.0)
        assert count(subject, key) is (len(recent) < limit)
        if len(recent) < limit:
            accepted.append((key, clock.now))


@either_way
@settings(max_examples=200)
@given(
    steps=steps,
    limit=st.integers(1, 3),
    max_keys=st.integers(1, 3),
    buckets=st.integers(1, 3),
)
def test_past_capacity_no_key_escapes(count, steps, limit, max_keys, buckets):
    subject, clock = window(limit, max_keys=max_keys, buckets=buckets)
    accepted: list[tuple[str, float]] = []
    for key, pause in steps:
        clock.now += pause
        if count(subject, key):
            accepted.append((key, clock.now))
        recent = [at for k, at in accepted if k == key and at > clock.now - 10]
        assert len(recent) <= limit
        assert len(subject._logs) <= max_keys
        assert len(subject._overflow) <= buckets


def test_a_flood_of_keys_is_bounded_and_shuts_nobody_out():
    subject, clock = window(5, 60.0, max_keys=100, buckets=4096)
    for number in range(100):
        for _ in range(5):
            assert take(subject, f"early-{number}")
    for number in range(1000):
        take(subject, f"flood-{number}")
    assert len(subject._logs) == 100
    assert len(subject._overflow) <= 4096
    # Those over their quota are not forgotten...
    assert not any(take(subject, f"early-{number}") for number in range(100))
    # ...and newcomers get in.
    assert sum(take(subject, f"new-{number}") for number in range(200)) > 190
    clock.now += 60
    assert all(take(subject, f"early-{number}") for number in range(100))


def test_a_key_that_moves_from_a_bucket_to_a_log_takes_its_hits_along():
    subject, clock = window(2, 10.0, max_keys=1, buckets=1)
    take(subject, "a")
    clock.now = 5.0
    assert take(subject, "b")
    assert take(subject, "b")
    clock.now = 10.0  # the log of "a" expires and makes room
    subject.hit("a")
    clock.now = 11.0
    assert not take(subject, "b")
    clock.now = 15.0
    assert take(subject, "b")


def test_expired_keys_are_forgotten_as_new_ones_come():
    subject, clock = window(1, 10.0)
    for number in range(50):
        subject.hit(f"old-{number}")
    clock.now = 10.0
    for number in range(50):
        subject.hit(f"new-{number}")
    assert len(subject._logs) == 50


def test_hits_beyond_the_limit_take_no_memory():
    subject, clock = window(3)
    for _ in range(100):
        clock.now += 0.01
        subject.hit("a")
    assert subject.usage("a").used == 3
    assert len(subject._logs["a"]) == 3


def test_long_keys_take_bounded_memory_and_stay_apart():
    subject, _ = window(1)
    first, second = "x" * 100_000 + "1", "x" * 100_000 + "2"
    assert take(subject, first)
    assert take(subject, second)
    assert not take(subject, first)
    assert max(map(len, subject._logs)) < 100
    assert take(subject, "\ud800" * 100)


def test_it_is_false_while_nothing_is_remembered():
    subject, _ = window()
    assert not subject
    subject.hit("a")
    assert subject


def test_usage_remembers_nothing():
    subject, _ = window()
    subject.usage("a")
    assert not subject


@pytest.mark.parametrize("limit", [256, 257])
def test_small_and_large_quotas_are_kept_alike(limit):
    """They are in containers of different kinds."""
    subject, clock = window(limit, period=1000.0)
    for number in range(limit):
        assert subject.take("a") == (Usage(number + 1, 1000.0 - number), True)
        clock.now += 1
    assert subject.take("a") == (Usage(limit, 1000.0 - limit), False)
    clock.now = 1001.0  # the hits at 0 and 1 are over
    assert subject.usage("a").used == limit - 2
    for _ in range(3):  # past the limit the oldest one goes, as with failures
        subject.hit("a")
    assert subject.usage("a") == Usage(limit, 2.0)
