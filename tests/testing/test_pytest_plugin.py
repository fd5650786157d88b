"""TEST-2: the fixtures, the settings marker, and what the plugin costs when nobody uses it."""

import os
import subprocess
import sys

import pytest
from flasgo import Flasgo, Response, WebSocket, hookimpl
from flasgo_testing import HookRecorder, TestClient

APP = """
from flasgo import Flasgo

app = Flasgo(discover=False, settings={"SECRET_KEY": "9f7c2b1e5d8a4c3f6b0e7d2a1c4f8b5e"})
log = []

@app.lifespan
async def service():
    log.append("start")
    yield
    log.append("stop")

@app.get("/")
def index():
    return "hello"
"""

TEST = """
from shop import log

def test_one(client):
    assert log == ["start"]
    assert client.get("/").text == "hello"

def test_two(flasgo_app, client):
    assert log == ["start", "stop", "start"]
    assert client.app is flasgo_app
"""


CONFTEST = """
import pytest

@pytest.fixture
def flasgo_app():
    from shop import app
    return app
"""


@pytest.fixture
def run(tmp_path):
    def run_pytest(**files):
        for name, text in files.items():
            (tmp_path / name.replace("__", ".")).write_text(text)
        environment = {key: value for key, value in os.environ.items() if key != "FLASGO_APP"}
        command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:asyncio"]
        command += ["--strict-markers"]
        environment["PYTHONPATH"] = f"{tmp_path}:{environment.get('PYTHONPATH', '')}"
        result = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
        )
        return result.stdout + result.stderr

    return run_pytest


def test_the_app_of_conftest(run):
    assert "2 passed" in run(shop__py=APP, test_shop__py=TEST, conftest__py=CONFTEST)


def test_the_app_of_pyproject(run):
    pyproject = '[tool.flasgo]\napp = "shop:app"\n'
    assert "2 passed" in run(shop__py=APP, test_shop__py=TEST, pyproject__toml=pyproject)


def test_without_an_app_the_error_says_what_to_write(run):
    output = run(test_shop__py="def test_one(client):\n    pass\n")
    assert "The fixture 'flasgo_app' does not know your app" in output
    assert "1 error" in output


FACTORY = """
from flasgo import Flasgo

SECRET_KEY = "9f7c2b1e5d8a4c3f6b0e7d2a1c4f8b5e"

def create_app(settings=None):
    app = Flasgo(discover=False, settings={"SECRET_KEY": SECRET_KEY, **(settings or {})})
    app.add_route("/", lambda request: {"debug": request.app.debug})
    return app
"""

MARKED = """
import pytest

pytestmark = pytest.mark.flasgo_settings(SYNC_WORKERS=3, MAX_REQUEST_BODY_BYTES=1000)

def test_the_module(client, flasgo_app):
    assert client.get("/").json() == {"debug": False}
    assert flasgo_app.settings.SYNC_WORKERS == 3

@pytest.mark.flasgo_settings(DEBUG=True)
class TestClass:
    @pytest.mark.flasgo_settings(SYNC_WORKERS=4)
    def test_the_closest_wins(self, client, flasgo_app, flasgo_settings):
        assert client.get("/").json() == {"debug": True}
        assert flasgo_app.settings.SYNC_WORKERS == 4
        assert flasgo_app.settings.MAX_REQUEST_BODY_BYTES == 1000
        assert flasgo_settings["DEBUG"] is True
"""


def test_the_marker_overrides_settings_of_a_factory(run):
    pyproject = '[tool.flasgo]\napp = "shop:create_app()"\n'
    output = run(shop__py=FACTORY, test_shop__py=MARKED, pyproject__toml=pyproject)
    assert "2 passed" in output, output


def test_the_marker_reaches_a_fixture_that_asks_for_it(run):
    conftest = (
        "import pytest\nfrom shop import create_app\n\n@pytest.fixture\n"
        "def flasgo_app(flasgo_settings):\n    return create_app(settings=flasgo_settings)\n"
    )
    output = run(shop__py=FACTORY, test_shop__py=MARKED, conftest__py=conftest)
    assert "2 passed" in output, output


WRONG = """
import pytest

@pytest.mark.flasgo_settings(DEBUG=True)
def test_one(client):
    pytest.fail("it must not run")

@pytest.mark.flasgo_settings({"DEBUG": True})
def test_two(client):
    pytest.fail("it must not run")
"""


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        (
            {"shop__py": APP, "pyproject__toml": '[tool.flasgo]\napp = "shop:app"\n'},
            "an app that exists already, so it cannot take the settings DEBUG",
        ),
        (
            {
                "shop__py": FACTORY.replace("settings=None", "").replace("(settings or {})", "{}"),
                "pyproject__toml": '[tool.flasgo]\napp = "shop:create_app()"\n',
            },
            "create_app has no parameter `settings`",
        ),
        (
            {"shop__py": APP, "conftest__py": CONFTEST},
            "the app of the fixture 'flasgo_app' was made without it",
        ),
    ],
)
def test_a_marker_that_cannot_be_honoured_is_an_error(run, files, complaint):
    output = run(test_shop__py=WRONG, **files)
    assert complaint in output.replace("\nE", ""), output
    assert "takes settings by name" in output
    assert "2 errors" in output


# recorded_hooks


class Greeter:
    name = "greeter"

    @hookimpl
    def plugin_setup(self, registry):
        registry.component("late", Late())

    @hookimpl
    def app_startup(self):
        return None

    @hookimpl
    async def request_started(self, request):
        if request.path == "/refused":
            return Response.text("no", status_code=403)
        return None


class Late:
    @hookimpl
    def response_finalize(self, response):
        response.headers["x-late"] = "1"

    @hookimpl
    def request_finished(self):
        raise ZeroDivisionError("nobody sees it")


@pytest.fixture
def flasgo_app():
    app = Flasgo(plugins=[Greeter], discover=False, settings={"SECRET_KEY": "s" * 40})
    app.add_route("/", lambda: "hello")
    app.add_route("/ws", accept, is_websocket=True)
    return app


async def accept(websocket: WebSocket):
    await websocket.accept()


def test_hook_calls_are_recorded_in_order(client, recorded_hooks):
    assert client.get("/").headers["x-late"] == "1"
    assert recorded_hooks.names == [
        ("request_started", "greeter"),
        ("response_finalize", "greeter.late"),
        ("request_finished", "greeter.late"),
    ]
    started, finalized, finished = recorded_hooks
    assert [call.order for call in recorded_hooks] == [0, 1, 2]
    assert (started.is_async, started.is_done, started.result, started.error) == (
        True,
        True,
        None,
        None,
    )
    assert (finalized.method, finalized.path, finalized.is_async) == ("GET", "/", False)
    assert isinstance(finished.error, ZeroDivisionError)
    assert "request_finished of greeter.late for GET / raised ZeroDivisionError" in str(finished)


async def test_hook_calls_are_grouped_by_request(client, recorded_hooks):
    client.get("/refused")
    await client.aget("/nothing")
    with client.websocket_connect("/ws"):
        pass
    assert [[call.hook for call in calls] for calls in recorded_hooks.requests()] == [
        ["request_started", "response_finalize", "request_finished"],
        ["request_started", "error_response", "response_finalize", "request_finished"],
        ["request_started", "request_finished"],
    ]
    refused = recorded_hooks.of("request_started", path="/refused")
    assert [call.result.status_code for call in refused] == [403]
    assert len(recorded_hooks) == 9
    assert len(recorded_hooks.of(plugin="greeter")) == 8  # all but the error page's
    assert {call.method for call in recorded_hooks.of(path="/ws")} == {"WEBSOCKET"}
    recorded_hooks.clear()
    assert list(recorded_hooks) == []


def test_recording_before_the_start_up_shows_that_too(recorded_hooks, flasgo_app):
    with TestClient(flasgo_app) as client:
        client.get("/")
    assert recorded_hooks.names[0] == ("app_startup", "greeter")
    assert (
        recorded_hooks[0].connection is recorded_hooks[0].path is recorded_hooks[0].method is None
    )


def test_recording_ends(flasgo_app):
    recorder = HookRecorder(flasgo_app)
    plain = flasgo_app.plugins.implementations("request_started")
    recorder.start()
    recorder.stop()
    assert flasgo_app.plugins.implementations("request_started") == plain
    with TestClient(flasgo_app) as client:
        client.get("/")
    assert len(recorder) == 0


def test_two_recorders_at_a_time(flasgo_app, recorded_hooks):
    second = HookRecorder(flasgo_app)
    second.start()
    with TestClient(flasgo_app) as client:
        client.get("/")
        second.stop()
        client.get("/")
    assert len(second.requests()) == 1
    assert len(recorded_hooks.requests()) == 2


# What it costs


def test_a_suite_that_does_not_use_it_imports_nothing(run):
    test = (
        "import sys\n\n"
        "def test_one(pytestconfig):\n"
        "    assert pytestconfig.pluginmanager.has_plugin('flasgo')\n"
        "    loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "    assert loaded & {'flasgo', 'httpx2', 'msgspec'} == set()\n"
        "    ours = {name for name in sys.modules if name.startswith('flasgo')}\n"
        "    assert ours == {'flasgo_testing', 'flasgo_testing.pytest_plugin'}\n"
    )
    output = run(test_shop__py=test)
    assert "1 passed" in output, output
