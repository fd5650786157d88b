"""What an app has for code outside of requests: contexts, what ends them, and commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

from flasgo.asgi import Receive, Scope
from flasgo.callables import is_async, qualified_name
from flasgo.errors import ConfigurationError
from flasgo.kernel.callbacks import call_now, check_callback
from flasgo.kernel.commands import Commands
from flasgo.kernel.context import AppContext, RequestContext
from flasgo.kernel.request_contexts import nothing_received, request_context

if TYPE_CHECKING:
    from flasgo.app import Flasgo
    from flasgo.routing import Router

__all__ = ["OutsideRequests"]

_F = TypeVar("_F", bound=Callable[..., object])


class OutsideRequests:
    """The part of an app that works without a server."""

    _router: Router
    _commands: Commands
    _context_teardowns: list[Callable[[BaseException | None], object]]

    def _prepare_outside(self) -> None:
        self._commands = Commands()
        self._context_teardowns = []

    @property
    def cli(self) -> Commands:
        """The commands of the app's own for `flasgo`: `@app.cli.command("init-db")`."""
        return self._commands

    def request_context(self, scope: Scope, receive: Receive = nothing_received) -> RequestContext:
        """Return a context in which a request is the current one, without being served.

        No hook and no callback is called but those of `teardown_appcontext`, at its end.

        Args:
            scope: The ASGI scope of an HTTP request.
            receive: Gives its body.
        """
        return request_context(cast("Flasgo", self), self._router, scope, receive)

    def app_context(self) -> AppContext:
        """Return a context in which `current_app`, `g`, `url_for` and templates work.

        For scripts and commands, outside of requests: `with app.app_context():`. At its end the
        functions of `teardown_appcontext` are called.
        """
        return AppContext(cast("Flasgo", self))

    def teardown_appcontext(self, function: _F) -> _F:
        """Register a function to call when a request is over, or a context outside of requests.

        It closes what was kept in `g`, wherever that was opened: in a request, in a command, or
        in `with app.app_context():`. The last one registered runs first.

        Args:
            function: `def`. It takes the exception that ended it or None, or nothing.

        Raises:
            ConfigurationError: When it is async; `teardown_request` takes such.
        """
        if is_async(function):
            raise ConfigurationError(
                f"teardown_appcontext was given {qualified_name(function)!r}, which is async: a "
                "context outside of requests has no event loop. Use def, or teardown_request for "
                "requests alone."
            )
        check_callback("teardown_appcontext", function)
        bound = _taking_error(function)
        cast("Flasgo", self).teardown_request(bound)
        self._context_teardowns.append(bound)
        return function


def _taking_error(function: Callable[..., object]) -> Callable[..., object]:
    def teardown_appcontext(error: BaseException | None) -> None:
        call_now("teardown_appcontext", function, error)

    teardown_appcontext.__qualname__ = qualified_name(function)
    return teardown_appcontext
