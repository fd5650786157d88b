"""Who may read metrics: the policy, and the rule that decides."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from ipaddress import (
    IPv4Network,
    IPv6Address,
    IPv6Network,
    collapse_addresses,
    ip_address,
    ip_network,
)
from typing import Any, TypeVar, cast

from flasgo import Connection, HTTPException, Policy, attach_policy

__all__ = ["AccessRule", "MetricsAccess", "metrics_access", "network_fault", "token_fault"]

Network = IPv4Network | IPv6Network
_Handler = TypeVar("_Handler", bound=Callable[..., Any])

_SHORTEST_TOKEN = 16
_WIDEST = {4: 8, 6: 16}
"""The shortest prefix, by IP version, that still counts as a restriction."""


@dataclass(frozen=True)
class MetricsAccess(Policy):
    """Only clients that may read the metrics reach this route."""

    def explain(self) -> str:
        """Return the line that `flasgo routes --explain` shows."""
        return "metrics access (PROMETHEUS_TOKEN, PROMETHEUS_ALLOWED_NETWORKS)"


def metrics_access(handler: _Handler) -> _Handler:
    """Let only clients that may read the metrics reach a handler.

    Args:
        handler: The handler.
    """
    return attach_policy(handler, MetricsAccess())


def token_fault(value: object) -> str | None:
    """Return what is wrong with a token, or None; empty means that none is asked for."""
    text = str(value)
    if not text:
        return None
    if not text.isascii() or not text.isprintable() or " " in text:
        return "it has to be printable ASCII text without spaces, to be sent in a header"
    if len(text) < _SHORTEST_TOKEN:
        return f"it has to have at least {_SHORTEST_TOKEN} characters; try `openssl rand -hex 32`"
    return None


def network_fault(values: object) -> str | None:
    """Return what is wrong with the first bad network of a set, or None."""
    for value in sorted(cast("Collection[str]", values)):
        try:
            ip_network(value)
        except ValueError as error:
            return f"{error}; give networks such as 10.0.0.0/8 or addresses such as 10.1.2.3"
    return None


class AccessRule:
    """Decides whether a request may read metrics.

    Where neither a token nor a network is configured, no request may (fail closed). Where both
    are, a request needs both.

    Args:
        token: The bearer token; empty if none is asked for.
        networks: The networks of the clients; empty if a token is all that is asked for.
    """

    def __init__(self, token: str, networks: Collection[str]) -> None:
        self._token = token.encode()
        self._networks = tuple(ip_network(network) for network in networks)

    @property
    def is_closed(self) -> bool:
        """Whether every request is refused, because nothing is configured."""
        return not self._token and not self._networks

    @property
    def needs_token(self) -> bool:
        """Whether a token is asked for."""
        return bool(self._token)

    def wide_networks(self) -> list[str]:
        """Return the allowed networks that are too large to be a restriction.

        Neighbours are joined first: two halves of the address space are all of it.
        """
        return [str(each) for each in self._collapsed() if each.prefixlen < _WIDEST[each.version]]

    def allows_loopback(self) -> bool:
        """Whether an allowed network has loopback addresses, from which local proxies connect."""
        return any(each.is_loopback for each in self._networks)

    def enforce(self, request: Connection) -> None:
        """Let a request through or refuse it.

        Raises:
            HTTPException: 404 for a client outside of the networks, or where nothing is
                configured; 401 without the right token.
        """
        if self.is_closed or (self._networks and not self._is_inside(request.client_ip)):
            raise HTTPException(404)
        if self._token and not self._has_token(request):
            raise HTTPException(401, headers={"www-authenticate": "Bearer"})

    def _collapsed(self) -> Iterator[Network]:
        yield from collapse_addresses(n for n in self._networks if isinstance(n, IPv4Network))
        yield from collapse_addresses(n for n in self._networks if isinstance(n, IPv6Network))

    def _is_inside(self, client: str | None) -> bool:
        try:
            address = ip_address(client or "")
        except ValueError:  # a Unix socket has no address, and a test client has a name
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped  # as servers on [::] show IPv4 clients
        return any(address in network for network in self._networks)

    def _has_token(self, request: Connection) -> bool:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        # SECURITY: a comparison that takes as long for every wrong token (CWE-208).
        is_right = hmac.compare_digest(token.strip().encode(), self._token)
        return is_right and scheme.lower() == "bearer"
