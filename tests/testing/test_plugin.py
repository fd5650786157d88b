"""TEST-1: `app.test_client()`, and what importing the package costs."""

import subprocess
import sys

import pytest
from flasgo import Flasgo
from flasgo_testing import TestClient, TestingPlugin


@pytest.fixture
def app():
    made = Flasgo(plugins=[TestingPlugin()], discover=False)

    @made.get("/")
    def index():
        return {"ok": True}

    return made


def test_app_test_client(app):
    client = app.test_client(base_url="http://127.0.0.1", headers={"X-A": "1"})
    assert isinstance(client, TestClient)
    assert client.get("/").json() == {"ok": True}
    assert client.base_url.host == "127.0.0.1"
    client.close()


def test_two_apps_have_their_own_clients(app):
    other = Flasgo(plugins=[TestingPlugin()], discover=False)
    with app.test_client() as first, other.test_client() as second:
        assert first.get("/").status_code == 200
        assert second.get("/").status_code == 404


def test_an_unknown_keyword_is_an_error(app):
    with pytest.raises(TypeError, match="nonsense"):
        app.test_client(nonsense=True)


def test_pytest_does_not_collect_the_plugin():
    assert TestingPlugin.__test__ is False


def run(code, *options):
    return subprocess.run(
        [sys.executable, *options, "-c", code], capture_output=True, text=True, timeout=60
    )


def test_the_http_client_is_imported_when_one_is_made():
    result = run(
        "import sys\n"
        "from flasgo import Flasgo\n"
        "from flasgo_testing import TestingPlugin\n"
        "app = Flasgo(plugins=[TestingPlugin()], discover=False)\n"
        "assert 'httpx2' not in sys.modules\n"
        "app.test_client().close()\n"
        "assert 'httpx2' in sys.modules\n"
    )
    assert result.returncode == 0, result.stderr


def test_the_pytest_plugin_imports_nothing():
    result = run(
        "import sys\n"
        "import pytest\n"
        "import flasgo_testing.pytest_plugin\n"
        "assert 'httpx2' not in sys.modules\n"
        "assert 'flasgo' not in sys.modules\n"
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("ending", ["client.close()", "del client", "pass"])
def test_nothing_is_left_behind(ending):
    result = run(
        "import gc, threading\n"
        "from flasgo_testing import TestClient\n"
        "async def app(scope, receive, send):\n"
        "    await send({'type': 'http.response.start', 'status': 204, 'headers': []})\n"
        "    await send({'type': 'http.response.body'})\n"
        "client = TestClient(app)\n"
        "client.get('/')\n"
        "thread = client._loop_thread.thread\n"
        f"{ending}\n"
        "gc.collect()\n"
        f"if {ending!r} != 'pass':\n"
        "    thread.join(5)\n"
        "    assert not thread.is_alive()\n",
        "-X",
        "dev",
        "-W",
        "error",
    )
    assert result.returncode == 0
    assert result.stderr == ""
