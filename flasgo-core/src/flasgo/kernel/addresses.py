"""Which blueprint answers for a request that reaches no endpoint: its prefix and host say so."""

from __future__ import annotations

from collections.abc import Iterable

from flasgo.blueprints import Address
from flasgo.kernel.error_handling import ErrorHandlers
from flasgo.requests.connection import Connection
from flasgo.routing import Converter, Route, Router, routed_host

__all__ = ["ErrorHandlersByAddress", "addresses_with_handlers"]


class ErrorHandlersByAddress:
    """Finds the error handlers for an address: those of the innermost blueprint that is there.

    Args:
        app: The handlers of the app, for all other addresses.
        converters: Converters by name, for prefixes with parameters.
    """

    def __init__(self, app: ErrorHandlers, converters: dict[str, Converter]) -> None:
        self._app = app
        self._handlers: dict[str, ErrorHandlers] = {}
        self._router = Router(converters, trailing_slash="strict")

    def add(self, address: Address, handlers: ErrorHandlers) -> None:
        """Give an address its handlers; the first ones of an address stay.

        Args:
            address: Where the blueprint is.
            handlers: Its handlers, which know those around it.
        """
        name = f"{address.host or ''} {address.prefix}"
        if name in self._handlers:
            return
        self._handlers[name] = handlers
        for path in (address.prefix or "/", f"{address.prefix}/<path:rest>"):
            self._router.add(Route(path, _found, host=address.host, endpoint=name))
        if address.prefix:
            self._router.add(Route(f"{address.prefix}/", _found, host=address.host, endpoint=name))

    def __call__(self, connection: Connection) -> ErrorHandlers:
        """Return the handlers for a connection."""
        host = routed_host(connection.raw_header(b"host"))
        match = self._router.match_on(host, "GET", connection.path)
        return self._app if match is None else self._handlers[match.route.endpoint]


def _found() -> None:
    """Stand for the handler of an address; never called."""


def _has_address(address: Address) -> bool:
    """Whether a blueprint has paths or hosts of its own, rather than all of the app's."""
    return bool(address.prefix or address.host)


def addresses_with_handlers(addresses: Iterable[Address]) -> list[Address]:
    """Return the addresses whose blueprints answer errors."""
    return [
        address
        for address in addresses
        if _has_address(address) and any(scope._callbacks.errors for scope in address.scopes[1:])
    ]
