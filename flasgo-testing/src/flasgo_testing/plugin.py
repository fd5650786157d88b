"""The plugin that gives apps their `test_client()`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from flasgo import Flasgo, Registry, hookimpl
from flasgo.plugin import Plugin

if TYPE_CHECKING:
    from flasgo.plugin import RequestContext

    from .cli_runner import AppCliRunner
    from .client import TestClient
    from .options import BuildOptions, ClientOptions

__all__ = ["TestingPlugin"]


class TestingPlugin(Plugin):
    """Contributes `app.test_client()`, `test_request_context()` and `test_cli_runner()`.

    The HTTP client is imported when one is made.
    """

    __test__ = False  # pytest would collect it by its name
    name = "testing"

    @hookimpl
    def plugin_setup(self, registry: Registry) -> None:
        """Register the methods."""
        registry.app_method("test_client", self.test_client)
        registry.app_method("test_cli_runner", self.test_cli_runner)
        registry.app_method("test_request_context", self.test_request_context)

    @hookimpl
    def app_created(self, app: Flasgo) -> None:
        """Remember the app that clients will be for."""
        self._app = app

    def test_client(self, **options: Unpack[ClientOptions]) -> TestClient:
        """Make a client for the app.

        Args:
            **options: The keywords of `TestClient`.

        Returns:
            The client; use it in a `with` block to run the app's start-up and shut-down.
        """
        from .client import TestClient

        return TestClient(self._app, **options)

    def test_cli_runner(self) -> AppCliRunner:
        """Make a runner for the app's commands; `app.test_cli_runner().invoke("init-db")`."""
        from .cli_runner import AppCliRunner

        return AppCliRunner(self._app)

    def test_request_context(
        self,
        path: str = "/",  # noqa: PT028 - this is no test
        method: str = "GET",  # noqa: PT028
        **options: Unpack[BuildOptions],
    ) -> RequestContext:
        """Make a request the current one, without serving it.

        `with app.test_request_context("/notes?page=2"):` lets `request`, `g`, `url_for` and
        `render_template` be used. No hook and no callback is called.

        Args:
            path: A path, or a whole URL.
            method: The HTTP method.
            **options: The keywords of `TestClient.request`, such as `headers`, `json` and `data`.

        Raises:
            HTTPException: When the head of the request is not allowed.
        """
        from .request_context import context_of

        return context_of(self._app, path, method, options)
