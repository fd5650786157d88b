"""What a guard lets through."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from ipaddress import ip_network

from flasgo_security.outbound.addresses import Network
from flasgo_security.outbound.targets import DEFAULT_PORTS, canonical_host
from flasgo_security.outbound.violations import SSRFViolation

__all__ = ["SSRFConfig"]


@dataclass(frozen=True)
class SSRFConfig:
    """Which URLs a server may fetch.

    Args:
        allowed_schemes: Of `https`, `http`, `wss` and `ws`.
        allowed_hosts: Names and addresses, `*.example.com` for the subdomains of `example.com`
            (not itself); None for any. A host on the list is still held to its addresses.
        allowed_ports: None for any.
        allowed_networks: Networks that may be reached although they are not globally reachable,
            such as `10.1.0.0/16`. A metadata service needs its very address (`/32`, `/128`).
        forbidden_networks: Networks that must not be reached although they are, such as your own.
        resolve_timeout: How long the name of a host may take to resolve, in seconds.
        allow_unresolved: Whether a URL may lead to a host that does not resolve yet, such as one
            that is written down for later. Check it again before you connect.
        allow_credentials: Whether a URL may hold a user name and a password.

    Raises:
        ValueError: When a value is not allowed; the message says what to write.
    """

    allowed_schemes: Collection[str] = frozenset({"http", "https"})
    allowed_hosts: Collection[str] | None = None
    allowed_ports: Collection[int] | None = None
    allowed_networks: Collection[str] = ()
    forbidden_networks: Collection[str] = ()
    resolve_timeout: float = 5.0
    allow_unresolved: bool = False
    allow_credentials: bool = False
    _exact: frozenset[str] = field(init=False, repr=False, compare=False)
    _suffixes: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _reachable: tuple[Network, ...] = field(init=False, repr=False, compare=False)
    _unreachable: tuple[Network, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._check()
        exact, suffixes = _hosts(self.allowed_hosts or ())
        for name, value in (
            ("_exact", exact),
            ("_suffixes", suffixes),
            ("_reachable", _networks(self.allowed_networks)),
            ("_unreachable", _networks(self.forbidden_networks)),
        ):
            object.__setattr__(self, name, value)

    def _check(self) -> None:
        for name in ("allowed_schemes", "allowed_hosts", "allowed_networks", "forbidden_networks"):
            if isinstance(getattr(self, name), str):
                raise ValueError(f"{name} is one text; write a set, such as {{'example.com'}}")
        unknown = sorted(set(self.allowed_schemes) - set(DEFAULT_PORTS))
        if unknown:
            raise ValueError(
                f"the scheme {unknown[0]!r} cannot be pinned to an address; the schemes are "
                f"{', '.join(sorted(DEFAULT_PORTS))}"
            )
        if not self.allowed_schemes:
            raise ValueError("no scheme is allowed, so every URL would be refused")
        for port in self.allowed_ports or ():
            if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
                raise ValueError(f"{port!r} is not a port; ports go from 1 to 65535")
        if not (self.resolve_timeout > 0 and math.isfinite(self.resolve_timeout)):
            raise ValueError("the time for resolving must be greater than 0 seconds")

    def allows_host(self, host: str) -> bool:
        """Whether a host, as `canonical_host` returns it, is on the list.

        SECURITY: compared as text; an entry never becomes a pattern.

        Args:
            host: The host.
        """
        if self.allowed_hosts is None:
            return True
        return host in self._exact or host.endswith(self._suffixes)

    @property
    def reachable(self) -> tuple[Network, ...]:
        """The networks of `allowed_networks`."""
        return self._reachable

    @property
    def unreachable(self) -> tuple[Network, ...]:
        """The networks of `forbidden_networks`."""
        return self._unreachable


def _hosts(entries: Iterable[str]) -> tuple[frozenset[str], tuple[str, ...]]:
    exact: set[str] = set()
    suffixes: set[str] = set()
    for entry in entries:
        if entry.startswith("*."):
            suffixes.add("." + _host(entry, entry[2:]))
        else:
            exact.add(_host(entry, entry))
    return frozenset(exact), tuple(sorted(suffixes))


def _host(entry: str, name: str) -> str:
    if name.count(":") > 1 and not name.startswith("["):
        name = f"[{name}]"
    try:
        return canonical_host(name)
    except SSRFViolation:
        pass
    if "*" in name:
        advice = "a '*' stands only before the first dot, as in '*.example.com'; None allows any"
    elif "://" in name or "/" in name:
        advice = "leave out the scheme and the path"
    elif ":" in name:
        advice = "leave out the port, and list it among the allowed ports"
    else:
        advice = "write a host such as 'example.com', or '*.example.com' for its subdomains"
    raise ValueError(f"{entry!r} is not a host; {advice}")


def _networks(entries: Iterable[str]) -> tuple[Network, ...]:
    networks: list[Network] = []
    for entry in entries:
        try:
            networks.append(ip_network(entry))
        except ValueError:
            raise ValueError(
                f"{entry!r} is not a network; write one such as '10.1.0.0/16' or 'fd00::/8'"
            ) from None
    return tuple(networks)
