"""What this plugin adds to an app, for editors and type checkers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

if TYPE_CHECKING:
    from flasgo.plugin import RequestContext

    from .cli_runner import AppCliRunner
    from .client import TestClient
    from .options import BuildOptions, ClientOptions

__all__ = ["AppMembers", "RequestMembers"]


class AppMembers:
    """Contributed to `Flasgo`."""

    def test_client(self, **options: Unpack[ClientOptions]) -> TestClient:
        """Make a test client for this app; the keywords are those of `TestClient`."""
        raise NotImplementedError  # a declaration: the plugin contributes the method itself

    def test_cli_runner(self) -> AppCliRunner:
        """Make a runner for the app's commands; see `AppCliRunner`."""
        raise NotImplementedError  # a declaration: the plugin contributes the method itself

    def test_request_context(
        self,
        path: str = "/",
        method: str = "GET",
        **options: Unpack[BuildOptions],
    ) -> RequestContext:
        """Make a request the current one; see `TestingPlugin.test_request_context`."""
        raise NotImplementedError  # a declaration: the plugin contributes the method itself


class RequestMembers:
    """Contributed to `Request`: nothing."""
