"""TEST-1: a `with` block runs the app's start-up and shut-down."""

import asyncio

import pytest
from flasgo import Flasgo
from flasgo_testing import AppTimeoutError, LifespanError, TestClient


class Service:
    """Speaks the lifespan protocol, and does what it is told at each phase."""

    def __init__(self, startup=None, shutdown=None):
        self.actions = {"startup": startup, "shutdown": shutdown}
        self.log = []

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            self.log.append(dict(scope["state"]))
            scope["state"]["mine"] = True
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body"})
            return
        for phase in ("startup", "shutdown"):
            message = await receive()
            assert message == {"type": f"lifespan.{phase}"}
            self.log.append(phase)
            scope["state"]["pool"] = "open"
            action = self.actions[phase]
            if action is not None:
                await action(send)
            await send({"type": f"lifespan.{phase}.complete"})


def test_start_up_and_shut_down_around_the_block():
    app = Service()
    with TestClient(app) as client:
        client.get("/")
        client.get("/")
    assert app.log == ["startup", {"pool": "open"}, {"pool": "open"}, "shutdown"]


async def test_an_async_block_does_the_same():
    app = Service()
    async with TestClient(app) as client:
        await client.aget("/")
    assert app.log == ["startup", {"pool": "open"}, "shutdown"]


def test_without_a_block_there_is_no_lifespan():
    app = Service()
    client = TestClient(app)
    client.get("/")
    client.close()
    assert app.log == [{}]


async def raises(send):
    raise ZeroDivisionError("no database")


async def reports(send):
    await send({"type": "lifespan.startup.failed", "message": "no database"})
    await asyncio.Event().wait()


async def reports_and_raises(send):
    await send({"type": "lifespan.startup.failed", "message": "see above"})
    raise ZeroDivisionError("no database")


@pytest.mark.parametrize("failure", [raises, reports_and_raises])
async def test_errors_at_start_up_surface(failure):
    with pytest.raises(ZeroDivisionError, match="no database"), TestClient(Service(failure)):
        pytest.fail("the block must not run")
    with pytest.raises(ZeroDivisionError, match="no database"):
        async with TestClient(Service(failure)):
            pytest.fail("the block must not run")


def test_a_failure_without_an_exception():
    with pytest.raises(LifespanError, match="startup failed: no database"):
        TestClient(Service(reports)).__enter__()


def test_errors_at_shut_down_surface():
    with pytest.raises(ZeroDivisionError), TestClient(Service(shutdown=raises)):
        pass


def test_errors_of_the_block_are_not_hidden_by_those_of_the_shut_down():
    with pytest.raises(LookupError) as caught, TestClient(Service(shutdown=raises)):
        raise LookupError
    assert "shut-down failed as well: ZeroDivisionError" in caught.value.__notes__[0]


def test_a_lifespan_that_hangs():
    async def hang(send):
        await asyncio.Event().wait()

    with pytest.raises(AppTimeoutError, match=r"lifespan startup .* 0\.1 s"):
        TestClient(Service(hang), timeout=0.1).__enter__()
    with (
        pytest.raises(AppTimeoutError, match="lifespan shutdown"),
        TestClient(Service(shutdown=hang), timeout=1.0),
    ):
        pass


def test_an_app_without_lifespan_support():
    async def app(scope, receive, send):
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    with TestClient(app) as client:
        assert client.get("/").status_code == 204


def test_an_app_that_returns_too_early():
    async def app(scope, receive, send):
        await receive()

    with pytest.raises(LifespanError, match="without finishing its startup"):
        TestClient(app).__enter__()


def test_a_client_is_opened_once():
    client = TestClient(Service())
    with client, pytest.raises(RuntimeError, match="entered once"):
        client.__enter__()
    with pytest.raises(RuntimeError, match="closed"):
        client.get("/")


async def test_a_closed_client_says_so():
    client = TestClient(Service())
    client.close()
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.get("/")
    with pytest.raises(RuntimeError, match="closed"):
        await client.aget("/")
    with pytest.raises(RuntimeError, match="Make a new client"):
        client.__enter__()


def test_requests_before_the_block_are_allowed():
    app = Service()
    client = TestClient(app)
    client.get("/")
    with client:
        client.get("/")
    assert app.log == [{}, "startup", {"pool": "open"}, "shutdown"]


def test_a_failing_start_up_of_flasgo_surfaces():
    app = Flasgo(discover=False)

    @app.lifespan
    async def database():
        raise ZeroDivisionError("no database")
        yield

    with pytest.raises((ZeroDivisionError, LifespanError), match="no database"):
        TestClient(app).__enter__()
