"""What holds for the whole suite: its client, and that in CI a skipped test is a failed run."""

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
from flasgo import Flasgo
from flasgo_testing import TestClient, WebSocketDeniedError

Connect = Callable[..., TestClient]


def refusal(client: TestClient, url: str, **options: Any) -> httpx2.Response:
    """Open a WebSocket that the app has to deny, and return its HTTP answer."""
    with pytest.raises(WebSocketDeniedError) as denied, client.websocket_connect(url, **options):
        pass
    return denied.value.response


# In CI everything that a test may need is installed, so a skip hides a hole. The variable is taken
# out of the environment, where apps under test would report it as a setting that nobody knows.
_NO_SKIPS = os.environ.pop("FLASGO_CI", "") == "1"

# What a clean machine does not have hides faults: settings of Python (PYTHONDONTWRITEBYTECODE hides
# byte code that is older than its source), of apps and of servers. `.ci/run` takes out the same.
_HIDING = re.compile(
    r"PYTHON.*|FLASGO_.*|UVICORN_.*|GRANIAN_.*|HYPERCORN_.*|WEB_CONCURRENCY|FORWARDED_ALLOW_IPS"
    r"|NO_COLOR|FORCE_COLOR|COLUMNS|LINES"
)
for _name in list(os.environ):
    if _HIDING.fullmatch(_name):
        del os.environ[_name]
sys.dont_write_bytecode = False


def _skipped(config: pytest.Config) -> list[pytest.TestReport]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return list(reporter.stats.get("skipped", ())) if reporter is not None else []


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turn skips into a failure of the session."""
    if _NO_SKIPS and session.exitstatus == pytest.ExitCode.OK and _skipped(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say why the session failed."""
    skipped = _skipped(config)
    if _NO_SKIPS and skipped:
        terminalreporter.write_line(
            f"FLASGO_CI=1: {len(skipped)} skipped, which counts as failed here. "
            "Install what the tests ask for, or delete them.",
            red=True,
        )


@pytest.fixture
def own_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget the modules that a test wrote into its folder, and its entries of `sys.path`."""
    monkeypatch.setattr(sys, "path", sys.path.copy())
    yield
    for name, module in list(sys.modules.items()):
        places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
        if any(place is not None and tmp_path in Path(place).parents for place in places):
            del sys.modules[name]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Make clients that are closed after the test: `connect(app, **options)`.

    They run no lifespan; `with connect(app) as client` does. A 500 is an answer, with what the app
    raised in `answer.extensions["exception"]`.
    """
    with ExitStack() as clients:

        def make(app: Any, **options: Any) -> TestClient:
            options.setdefault("raise_server_exceptions", False)
            return clients.enter_context(closing(TestClient(app, **options)))

        yield make


@pytest.fixture
def make_app() -> Callable[..., Flasgo]:
    """Make apps of the core alone; plugins go as positional arguments, settings as `settings=`.

    Folders whose tests need a plugin in every app have a `make_app` of their own.
    """

    def make(*plugins: object, **options: Any) -> Flasgo:
        settings = {
            "SECRET_KEY": "for-tests-only-0123456789-abcdefghij",
            **options.pop("settings", {}),
        }
        return Flasgo(plugins=plugins, discover=False, settings=settings, **options)

    return make
