"""TEST-2: the fixtures `flasgo_app` and `client`."""

import os
import subprocess
import sys

import pytest

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
        environment["PYTHONPATH"] = str(tmp_path)
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
