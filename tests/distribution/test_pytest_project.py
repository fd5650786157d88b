"""TEST-2: the fixtures and the kit in a project made from nothing but our wheels and pytest."""

import pytest

from .conftest import PACKAGES, Environment, MakeEnvironment, run as execute

APP = """
from flasgo import Flasgo, WebSocket


def create_app(settings=None):
    app = Flasgo(settings=settings)

    @app.get("/")
    async def index():
        return {"debug": app.debug}

    @app.post("/")
    async def change():
        return {"changed": True}

    @app.websocket("/ws")
    async def ws(websocket: WebSocket):
        await websocket.accept()
        await websocket.send_text("hi")

    return app
"""

TESTS = """
import pytest
from flasgo import hookimpl
from flasgo_testing import conformance


def test_index(client, recorded_hooks):
    assert client.get("/").json() == {"debug": False}
    assert client.post("/").json() == {"changed": True}
    assert recorded_hooks[0].hook == "request_started"


@pytest.mark.flasgo_settings(DEBUG=True)
def test_debug(client):
    assert client.get("/").json() == {"debug": True}
    with client.websocket_connect("/ws") as websocket:
        assert websocket.receive_text() == "hi"


class MyPlugin:
    "Says that it was there."

    @hookimpl
    def response_finalize(self, response):
        response.headers["x-mine"] = "1"


test_plugin = conformance.suite(MyPlugin)
"""

UNUSED = """
import sys


def test_nothing_is_imported():
    loaded = {name for name in sys.modules if name.startswith(("flasgo", "httpx2", "msgspec"))}
    assert loaded == {"flasgo_testing", "flasgo_testing.pytest_plugin"}
"""


@pytest.fixture(scope="module")
def project(make_environment: MakeEnvironment) -> Environment:
    environment = make_environment(*PACKAGES)
    command = [environment.uv, "pip", "install", "--quiet", "--python", environment.python]
    execute([*command, "pytest>=8.4,<10"], cwd=environment.directory)
    return environment


def run(project: Environment, name: str, **files: str) -> str:
    folder = project.directory / name
    folder.mkdir()
    for file, text in files.items():
        (folder / file.replace("__", ".")).write_text(text)
    options = ("-q", "-W", "error", "--strict-markers", "-p", "no:cacheprovider")
    return project.execute("-m", "pytest", *options, cwd=folder)


def test_the_fixtures_work(project: Environment) -> None:
    pyproject = '[tool.flasgo]\napp = "shop:create_app()"\n'

    output = run(project, "shop", shop__py=APP, test_shop__py=TESTS, pyproject__toml=pyproject)

    assert " passed" in output
    assert "skipped" not in output


def test_a_project_that_does_not_use_them_pays_nothing(project: Environment) -> None:
    assert "1 passed" in run(project, "other", test_other__py=UNUSED)
