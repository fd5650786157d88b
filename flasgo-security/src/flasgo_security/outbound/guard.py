"""The guard: a URL in, a checked and pinned target out."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from flasgo_security.outbound.addresses import address_fault, parse_address
from flasgo_security.outbound.config import SSRFConfig
from flasgo_security.outbound.resolvers import Lookup, Resolver, system_resolver
from flasgo_security.outbound.targets import (
    OutboundTarget,
    OutboundUrl,
    canonical_host,
    parse_url,
)
from flasgo_security.outbound.violations import SSRFViolation

__all__ = ["SSRFGuard"]

# More answers than any honest name has.
_MOST_ADDRESSES = 64


class SSRFGuard:
    """Checks where a URL leads before the server goes there (CWE-918).

    Args:
        config: What is allowed.
        resolver: Given a host and a port, returns the host's addresses; the system's own when
            left out. It is called in a thread.
        on_violation: Told of each violation before it is raised.
    """

    def __init__(
        self,
        config: SSRFConfig | None = None,
        *,
        resolver: Resolver = system_resolver,
        on_violation: Callable[[SSRFViolation], None] | None = None,
    ) -> None:
        self.config = SSRFConfig() if config is None else config
        self._lookup = Lookup(resolver, self.config.resolve_timeout)
        self._on_violation = on_violation

    def resolve(self, url: str) -> OutboundTarget:
        """Return where to connect for a URL. Waits for the resolver: use `aresolve` in async code.

        Args:
            url: An absolute URL, from anybody.

        Raises:
            SSRFViolation: When the server must not go there.
        """
        checked = self.check_url(url)
        try:
            return OutboundTarget.pin(checked, self.addresses_of(checked.host, checked.port))
        except SSRFViolation as violation:
            return self._unresolved(checked, violation)

    async def aresolve(self, url: str) -> OutboundTarget:
        """Return where to connect for a URL, without holding up the event loop.

        Args:
            url: An absolute URL, from anybody.

        Raises:
            SSRFViolation: When the server must not go there.
        """
        checked = self.check_url(url)
        try:
            return OutboundTarget.pin(checked, await self.aaddresses_of(checked.host, checked.port))
        except SSRFViolation as violation:
            return self._unresolved(checked, violation)

    if not TYPE_CHECKING:  # type checkers find other names by themselves

        def __getattr__(self, name: str) -> NoReturn:
            """Say what an attribute is called here."""
            from flasgo_security.outbound.advice import no_attribute

            no_attribute(SSRFGuard, name)

    def _unresolved(self, url: OutboundUrl, violation: SSRFViolation) -> OutboundTarget:
        """Return the target for a host without an address, where that is taken."""
        if self.config.allow_unresolved and violation.reason == "unresolved":
            return OutboundTarget.pin(url, ())
        raise violation

    def check_url(self, url: str) -> OutboundUrl:
        """Check all of a URL that can be checked without resolving its host.

        Args:
            url: An absolute URL, from anybody.

        Raises:
            SSRFViolation: When the server must not go there.
        """
        with self._telling():
            allows = self.config.allow_credentials
            return self._checked(parse_url(url, allows_credentials=allows))

    def addresses_of(self, host: str, port: int) -> tuple[str, ...]:
        """Return the addresses of a host, all of them checked.

        Args:
            host: A name or an address.
            port: The port.

        Raises:
            SSRFViolation: When there are none, or one of them must not be connected to.
        """
        with self._telling(host):
            name = self._checked_host(host)
            found = _literal(name) or self._lookup(name, port)
            return self._checked_addresses(name, found)

    async def aaddresses_of(self, host: str, port: int) -> tuple[str, ...]:
        """Return the addresses of a host, all of them checked; see `addresses_of`.

        Args:
            host: A name or an address.
            port: The port.

        Raises:
            SSRFViolation: When there are none, or one of them must not be connected to.
        """
        with self._telling(host):
            name = self._checked_host(host)
            found = _literal(name) or await self._lookup.in_background(name, port)
            return self._checked_addresses(name, found)

    @contextmanager
    def _telling(self, host: str = "") -> Generator[None]:
        """Tell of the violation that ends the block; a resolver's failure is one too."""
        try:
            try:
                yield
            except (OSError, UnicodeError) as error:
                raise SSRFViolation(
                    "unresolved", f"{host!r} cannot be resolved ({error})"
                ) from None
        except SSRFViolation as violation:
            if self._on_violation is not None:
                self._on_violation(violation)
            raise

    def _checked(self, url: OutboundUrl) -> OutboundUrl:
        config = self.config
        if url.scheme not in config.allowed_schemes:
            allowed = ", ".join(sorted(config.allowed_schemes))
            raise SSRFViolation("scheme", f"the scheme is {url.scheme[:20]!r}; allowed: {allowed}")
        if config.allowed_ports is not None and url.port not in config.allowed_ports:
            allowed = ", ".join(map(str, sorted(config.allowed_ports)))
            raise SSRFViolation("port", f"the port is {url.port}; allowed: {allowed or 'none'}")
        self._checked_host(url.host)
        return url

    def _checked_host(self, host: str) -> str:
        name = canonical_host(f"[{host}]" if ":" in host else host)
        if not self.config.allows_host(name):
            raise SSRFViolation("host", f"{name!r} is not on the list of allowed hosts")
        address = parse_address(name)
        if address is not None:
            self._check_address(name, name)
        return name

    def _checked_addresses(self, host: str, found: Sequence[str]) -> tuple[str, ...]:
        """SECURITY: one forbidden address among many is enough; a client may try any of them."""
        if not found:
            raise SSRFViolation("unresolved", f"{host!r} has no address")
        if len(found) > _MOST_ADDRESSES:
            raise SSRFViolation("address", f"{host!r} has more than {_MOST_ADDRESSES} addresses")
        return tuple(dict.fromkeys(self._check_address(host, text) for text in found))

    def _check_address(self, host: str, text: str) -> str:
        address = parse_address(text)
        if address is None:
            raise SSRFViolation("address", f"{host!r} resolves to {text[:64]!r}, no address")
        config = self.config
        fault = address_fault(address, config.reachable, config.unreachable)
        if fault is not None:
            shown = str(address) if host == text else f"{host!r} resolves to {address}, which"
            raise SSRFViolation("address", f"{shown} {fault}")
        return str(address)


def _literal(name: str) -> list[str]:
    """Return an address that was given in place of a name; nothing has to be looked up then."""
    return [name] if parse_address(name) is not None else []
