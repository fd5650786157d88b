"""The plugin that gives apps their `test_client()`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from flasgo import Flasgo, Registry, hookimpl

if TYPE_CHECKING:
    from .client import TestClient
    from .options import ClientOptions

__all__ = ["TestingPlugin"]


class TestingPlugin:
    """Contributes `app.test_client()`. The HTTP client is imported when one is made."""

    __test__ = False  # pytest would collect it by its name
    name = "testing"

    @hookimpl
    def plugin_setup(self, registry: Registry) -> None:
        """Register the method."""
        registry.app_method("test_client", self.test_client)

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
