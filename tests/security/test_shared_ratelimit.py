"""SEC-7: one quota for many processes, in a real Redis."""

import asyncio
import importlib.util
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest
from flasgo import ConfigurationError, Flasgo, FlasgoError, SettingError
from flasgo_security import rate_limit
from flasgo_security.quotas.shared import SharedQuota, SharedQuotas

OUTAGE = {"RATELIMIT_STORAGE_TIMEOUT_SECONDS": 1.0}
FIELDS = ("limit", "remaining", "reset")


def standing(answer) -> tuple[int, ...]:
    return tuple(int(answer.headers.get(f"ratelimit-{field}")) for field in FIELDS)


@pytest.fixture
def make(make_app, redis):
    """Make an app of the deployment that shares one Redis."""

    def make(limit: int = 3, per: float = 60, **settings) -> Flasgo:
        app = make_app(
            **{
                "RATELIMIT_STORAGE_URI": redis.uri,
                # Long, because a busy machine is no outage; tests of outages say so.
                "RATELIMIT_STORAGE_TIMEOUT_SECONDS": 15.0,
                **settings,
            }
        )
        app.state.runs = 0

        @app.get("/")
        @rate_limit(limit, per)
        async def limited():
            app.state.runs += 1
            return {}

        @app.get("/free")
        async def free():
            return {}

        return app

    return make


def test_it_counts_refuses_and_tells(make, worker):
    app = make(2)
    assert standing(worker(app).get("/")) == (2, 1, 60)
    assert standing(worker(app).get("/")) == (2, 0, 60)
    refused = worker(app).get("/")
    assert refused.status_code == 429
    assert standing(refused)[:2] == (2, 0)
    assert 1 <= int(refused.headers.get("retry-after")) <= 60
    assert app.state.runs == 2
    assert worker(app).get("/", extensions={"client": ("192.0.2.2", 1)}).status_code == 200


def test_two_apps_admit_exactly_the_quota_together(make, worker):
    first, second = make(3), make(3)
    answers = [worker(app).get("/").status_code for app in (first, second, first, second, first)]
    assert answers == [200, 200, 200, 429, 429]


@pytest.mark.parametrize("number", [200])
async def test_it_is_exact_under_concurrent_requests(make, worker, number):
    clients = [worker(make(50)), worker(make(50))]
    answers = await asyncio.gather(*(clients[n % 2].aget("/") for n in range(number)))
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(200) == 50
    assert statuses.count(429) == number - 50


def test_refused_requests_use_up_nothing_and_the_window_slides(make, worker, patience):
    app = make(1, per=1)
    assert worker(app).get("/").status_code == 200
    assert worker(app).get("/").status_code == 429
    assert patience.until(lambda: worker(app).get("/").status_code == 200)


def test_scopes_are_shared_between_handlers_and_processes(make, worker):
    apps = [make(), make()]
    for app in apps:
        for path in ("/a", "/b"):
            app.get(path, endpoint=path)(rate_limit(1, per=60, scope="s")(lambda: "x"))
    assert [worker(apps[0]).get("/a").status_code, worker(apps[1]).get("/b").status_code] == [
        200,
        429,
    ]


def test_handlers_of_one_name_have_quotas_of_their_own(make, worker):
    def add(app):
        for path in ("/a", "/b"):
            app.get(path, endpoint=path)(rate_limit(1, per=60)(lambda: "x"))
        return app

    first, second = add(make()), add(make())
    assert [worker(first).get("/a").status_code, worker(first).get("/b").status_code] == [200, 200]
    assert [worker(second).get("/a").status_code, worker(second).get("/b").status_code] == [
        429,
        429,
    ]


def test_several_quotas_all_hold_and_a_refusal_uses_up_none(make, worker, redis):
    app = make()

    @app.get("/both")
    @rate_limit(5, per=100)
    @rate_limit(1, per=50)
    async def both():
        return {}

    assert standing(worker(app).get("/both")) == (1, 0, 50)
    for _ in range(10):
        assert worker(app).get("/both").status_code == 429
    [longer] = [key for key in redis.all_keys() if key.endswith("/5/100/second")]
    assert redis.command(b"LLEN", longer.encode()) == b":1"


def test_the_headers_are_on_answers_before_the_quota_too(make, worker):
    app = make(5)
    worker(app).get("/")
    assert standing(worker(app).get("/", headers={"host": "evil.example"}))[:2] == (5, 4)


def test_odd_keys_are_kept_apart(make, worker, redis):
    app = make()
    keys = ["a/b", "a b", "é", "x" * 500, "x" * 501, "\ud800", "", "#0", "a\r\nb", "*"]

    @app.get("/keyed/<int:number>")
    @rate_limit(1, 60, key_func=lambda request: keys[int(request.path.rpartition("/")[2])])
    async def keyed(number):
        return {}

    numbers = range(len(keys))
    assert [worker(app).get(f"/keyed/{n}").status_code for n in numbers] == [200] * len(keys)
    assert [worker(app).get(f"/keyed/{n}").status_code for n in numbers] == [429] * len(keys)
    assert max(len(key) for key in redis.all_keys()) < 200


def test_what_the_storage_keeps_is_bounded_and_forgotten(make, worker, redis):
    app = make(3)
    for _ in range(20):
        worker(app).get("/")
    [key] = redis.all_keys()
    assert key.startswith("flasgo:ratelimit:")
    assert redis.command(b"LLEN", key.encode()) == b":3"
    assert 0 < int(redis.command(b"TTL", key.encode()).removeprefix(b":")) <= 60


@pytest.mark.parametrize("step", [-1, -30, -3600, -1_000_000])
def test_time_going_backwards_does_not_open_the_door(make, worker, monkeypatch, step):
    from limits.aio.storage.redis import redispy

    class Shifted:
        shift = 0.0

        def time(self) -> float:
            return time.time() + self.shift

    shifted = Shifted()
    monkeypatch.setattr(redispy, "time", shifted)
    app = make(2)
    assert [worker(app).get("/").status_code for _ in range(3)] == [200, 200, 429]
    shifted.shift = step
    assert worker(app).get("/").status_code == 429


# --- The storage is down ------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["stop", "freeze"])
def test_closed_answers_503_then_recovers_by_itself(make, worker, redis, patience, caplog, way):
    app = make(1000, **OUTAGE)
    assert worker(app).get("/").status_code == 200
    getattr(redis, way)()
    answer = worker(app).get("/")
    assert answer.status_code == 503
    assert answer.headers.get("retry-after") == "1"
    assert standing(answer) == (1000, 0, 1)
    assert app.state.runs == 1
    assert worker(app).get("/free").status_code == 200
    redis.thaw()
    redis.start()
    assert patience.until(lambda: worker(app).get("/").status_code == 200)
    events = [record.event for record in caplog.records if hasattr(record, "event")]
    assert events == ["store_down", "store_up"]


@pytest.mark.parametrize("way", ["stop", "freeze"])
def test_open_lets_requests_pass_then_counts_again(make, worker, redis, patience, caplog, way):
    app = make(2, RATELIMIT_STORAGE_FAILURE="open", **OUTAGE)
    assert [worker(app).get("/").status_code for _ in range(3)] == [200, 200, 429]
    getattr(redis, way)()
    for _ in range(5):
        answer = worker(app).get("/")
        assert answer.status_code == 200
        assert standing(answer) == (2, 2, 0)
    redis.thaw()
    redis.start()
    # Frozen, it remembers; killed, it has forgotten. Either way it refuses again.
    assert patience.until(lambda: worker(app).get("/").status_code == 429)
    assert "store_down" in [getattr(record, "event", "") for record in caplog.records]


@pytest.mark.parametrize(("mode", "status"), [("closed", 503), ("open", 200)])
async def test_no_request_hangs(make, worker, redis, mode, status):
    """Bounded by the test's own patience: 200 requests, one timeout of a second and not 200."""
    app = make(1000, RATELIMIT_STORAGE_FAILURE=mode, **OUTAGE)
    client = worker(app)
    client.get("/")
    redis.freeze()
    try:
        async with asyncio.timeout(20):
            answers = await asyncio.gather(*(client.aget("/", timeout=20) for _ in range(200)))
        assert {answer.status_code for answer in answers} == {status}
    finally:
        redis.thaw()


def test_a_storage_that_never_was_there_stops_no_app(make, worker, redis):
    redis.stop()
    app = make()
    assert worker(app).get("/").status_code == 503
    assert worker(app).get("/free").status_code == 200


def test_a_storage_that_takes_no_more_is_down_too(make, worker, redis):
    app = make()
    worker(app).get("/")
    redis.command(b"CONFIG", b"SET", b"maxmemory", b"1")
    assert worker(app).get("/").status_code == 503


def test_passwords_are_not_logged(make, worker, redis, caplog):
    redis.stop()
    app = make(RATELIMIT_STORAGE_URI=f"redis://:geheim@127.0.0.1:{redis.port}/0")
    worker(app).get("/")
    assert "geheim" not in caplog.text
    assert "geheim" not in repr(app.settings)


# --- Throttling ---------------------------------------------------------------------------------


def test_failures_are_counted_together(make, worker, caplog):
    apps = [make(SECURITY_FAILURE_RATE_LIMIT=4) for _ in range(3)]

    def fail(app) -> int:
        return worker(app).get("/", headers={"host": "evil.example"}).status_code

    assert [fail(apps[0]), fail(apps[1]), fail(apps[0]), fail(apps[1])] == [400] * 4
    # The one that counted the last failure knows at once...
    assert fail(apps[1]) == 429
    assert worker(apps[1]).get("/free").status_code == 429
    # ...the others with the next one at the latest.
    assert [fail(apps[0]), fail(apps[0])] == [400, 429]
    assert [fail(apps[2]), fail(apps[2])] == [400, 429]
    assert worker(apps[2]).get("/free", extensions={"client": ("192.0.2.2", 1)}).status_code == 200
    assert [r.event for r in caplog.records if r.event == "throttled"] == ["throttled"] * 3


def test_without_the_storage_each_process_counts_for_itself(make, worker, redis):
    app = make(SECURITY_FAILURE_RATE_LIMIT=2)
    redis.stop()
    statuses = [
        worker(app).get("/", headers={"host": "evil.example"}).status_code for _ in range(3)
    ]
    assert statuses == [400, 400, 429]


def test_good_requests_ask_no_storage_about_failures(make, worker, redis):
    app = make(SECURITY_FAILURE_RATE_LIMIT=2)
    redis.stop()
    assert [worker(app).get("/free").status_code for _ in range(3)] == [200] * 3


# --- Settings and other storages ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RATELIMIT_STORAGE_URI", "localhost:6379"),
        ("RATELIMIT_STORAGE_URI", "http://u:geheim@localhost"),
        ("RATELIMIT_STORAGE_URI", "postgres://u:geheim@localhost/db"),
        ("RATELIMIT_STORAGE_FAILURE", "maybe"),
        ("RATELIMIT_STORAGE_FAILURE", "OPEN"),
        ("RATELIMIT_STORAGE_TIMEOUT_SECONDS", 0),
    ],
)
def test_wrong_settings_stop_the_app(make_app, name, value):
    with pytest.raises(SettingError, match=name) as caught:
        make_app(**{name: value})
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    "uri", ["redis://:geheim@host:port/0", "redis+sentinel://:geheim@host:26379"]
)
def test_malformed_uris_stop_the_app_without_being_shown(make_app, uri):
    with pytest.raises(FlasgoError, match="RATELIMIT_STORAGE_URI") as caught:
        make_app(RATELIMIT_STORAGE_URI=uri)
    assert "geheim" not in str(caught.value)


def test_a_missing_client_is_an_install_command(make_app, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "redis.asyncio", None)
    with pytest.raises(FlasgoError, match=r"pip install 'flasgo-security\[redis\]'"):
        make_app(RATELIMIT_STORAGE_URI="redis://localhost")


def test_parts_of_seconds_cannot_be_shared(make, connect, caplog):
    app = make(5, per=0.5)
    assert connect(app).get("/").status_code == 500
    assert app.state.runs == 0
    assert "whole number of seconds" in caplog.text

    with (
        pytest.raises(ConfigurationError, match=r"5 requests per 0\.5 seconds"),
        connect(app),
    ):
        pass


@pytest.mark.parametrize("uri", ["memory://", "async+memory://"])
def test_memory_is_the_default_by_another_name(make, worker, uri):
    first, second = (worker(make(1, RATELIMIT_STORAGE_URI=uri)) for _ in range(2))
    assert [client.get("/").status_code for client in (first, second, first)] == [200, 200, 429]


@pytest.mark.parametrize("scheme", ["redis", "async+redis", "valkey", "async+valkey"])
def test_each_client_counts_in_the_same_place(make, worker, redis, scheme):
    if "valkey" in scheme and importlib.util.find_spec("valkey") is None:
        pytest.skip("valkey is not installed")
    app = make(2, RATELIMIT_STORAGE_URI=redis.uri.replace("redis", scheme))
    assert [worker(app).get("/").status_code for _ in range(3)] == [200, 200, 429]
    assert worker(make(2)).get("/").status_code == 429


@pytest.fixture
def cluster(one_redis, tmp_path, patience) -> Iterator[str]:
    """The URI of a cluster of one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        bus = probe.getsockname()[1]
    server = type(one_redis)(tmp_path, "--cluster-enabled", "yes", "--cluster-port", str(bus))
    try:
        server.command(b"CLUSTER", b"ADDSLOTSRANGE", b"0", b"16383")
        is_ready = lambda: server.command(b"SET", b"x", b"1") == b"+OK"  # noqa: E731
        assert patience.until(is_ready)
        yield f"redis+cluster://127.0.0.1:{server.port}"
    finally:
        server.stop()


@pytest.fixture
def sentinel(redis, tmp_path) -> Iterator[str]:
    """The URI of a sentinel that knows where the Redis is."""
    config = tmp_path / "sentinel.conf"
    config.write_text(f"sentinel monitor main 127.0.0.1 {redis.port} 1\n")
    server = type(redis)(tmp_path, config=config)
    try:
        yield f"redis+sentinel://127.0.0.1:{server.port}/main"
    finally:
        server.stop()


@pytest.mark.parametrize("kind", ["cluster", "sentinel"])
async def test_clusters_and_sentinels_count_exactly_too(make, worker, request, kind):
    app = make(5, RATELIMIT_STORAGE_URI=request.getfixturevalue(kind))
    client = worker(app)
    answers = await asyncio.gather(*(client.aget("/") for _ in range(50)))
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(200) == 5
    assert statuses.count(429) == 45


@pytest.fixture
def memcached() -> Iterator[str]:
    """The URI of a memcached of the test's own, ended by its process id."""
    if shutil.which("memcached") is None or importlib.util.find_spec("memcachio") is None:
        pytest.skip("memcached or memcachio is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(["memcached", "-u", "nobody", "-l", "127.0.0.1", "-p", str(port)])
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield f"memcached://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


async def test_memcached_counts_too(make, worker, memcached):
    """With an estimate of the previous window; the period is too long here to see it."""
    apps = [make(5, per=86400, RATELIMIT_STORAGE_URI=memcached) for _ in range(2)]
    first, second = map(worker, apps)
    assert [client.get("/").status_code for client in (first, second, first)] == [200, 200, 200]
    answers = await asyncio.gather(*(client.aget("/") for client in [first, second] * 20))
    assert [answer.status_code for answer in answers].count(200) == 2


async def test_quotas_follow_the_event_loop(redis):
    quotas = SharedQuotas(redis.uri, 1.0, "p:")
    quota = SharedQuota("q", 5, 60)
    _, refusing = await quotas.take([quota], ["k"])
    assert refusing is None

    def elsewhere() -> int:
        async def take() -> int:
            [usage], _ = await quotas.take([quota], ["k"])
            await quotas.close()
            return usage.used

        return asyncio.run(take())

    await quotas.close()
    assert await asyncio.to_thread(elsewhere) == 2
