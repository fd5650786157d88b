"""URLs taken apart strictly, and what remains of them to connect to."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import quote, unquote

from flasgo_security.outbound.addresses import parse_address
from flasgo_security.outbound.violations import Reason, SSRFViolation

__all__ = ["DEFAULT_PORTS", "OutboundTarget", "OutboundUrl", "canonical_host", "parse_url"]

DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
"""The schemes that can be pinned, and their ports."""

_LONGEST_URL = 8192
_LONGEST_HOST = 253  # RFC 1035, section 3.1, written with dots
# RFC 3986, appendix B, with the authority required. No alternative can match twice.
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?", re.S)
_AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::([0-9]{0,5}))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
# What the URL standard reads as a number: such a last label makes the whole host an IPv4 address.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# Controls, every kind of blank, what cannot be seen, and the backslash that browsers call a slash.
_UNFIT = re.compile(
    r"[\x00-\x20\x7f-\xa0\xad\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\\]"
)
_USERINFO = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2}){1,512}")  # RFC 3986, 3.2.1
_URL_SAFE = "%/:?#[]@!$&'()*+,;=-._~"


@dataclass(frozen=True, slots=True)
class OutboundUrl:
    """A URL whose parts have one reading only.

    Attributes:
        scheme: In lower case.
        host: In canonical spelling, an IPv6 address without brackets.
        port: Given or the scheme's own.
        resource: Path and query.
        authorization: The value of `Authorization` for the user name and password it held.
    """

    scheme: str
    host: str
    port: int
    resource: str
    authorization: str | None = None

    @property
    def host_header(self) -> str:
        """The host with its port, where that is not the scheme's own."""
        host = _bracketed(self.host)
        return host if self.port == DEFAULT_PORTS.get(self.scheme) else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class OutboundTarget:
    """Where to connect: checked, and pinned to the address that was checked.

    Attributes:
        url: The URL with the address in place of the host, so that nothing is resolved again.
        host_header: What to send as `Host`.
        host: The name for TLS (SNI and the certificate), an address where the URL holds one.
        scheme: `"https"` or `"http"`.
        port: The port.
        addresses: All addresses of the host, each of them checked; `url` holds the first. Empty
            for a host that does not resolve yet, where `SSRF_ALLOW_UNRESOLVED` takes it.
        authorization: What to send as `Authorization`, where the URL held a user name and
            `SSRF_ALLOW_CREDENTIALS` takes it.
    """

    url: str
    host_header: str
    host: str
    scheme: str
    port: int
    addresses: tuple[str, ...]
    authorization: str | None = None

    @property
    def is_resolved(self) -> bool:
        """Whether `url` is pinned to an address. If not, check it again before you connect."""
        return bool(self.addresses)

    @property
    def address(self) -> str:
        """The address in `url`.

        Raises:
            ValueError: When the host does not resolve yet.
        """
        if not self.addresses:
            raise ValueError(
                f"{self.host!r} did not resolve when it was checked; check the URL again before "
                "you connect."
            )
        return self.addresses[0]

    if not TYPE_CHECKING:  # type checkers find other names by themselves

        def __getattr__(self, name: str) -> NoReturn:
            """Say what an attribute is called here."""
            from flasgo_security.outbound.advice import no_attribute

            no_attribute(OutboundTarget, name)

    @classmethod
    def pin(cls, url: OutboundUrl, addresses: tuple[str, ...]) -> OutboundTarget:
        """Put a host's checked addresses in its place.

        Args:
            url: The URL.
            addresses: The addresses; none for a host that does not resolve yet, which stays.
        """
        netloc = _bracketed(addresses[0] if addresses else url.host)
        if url.port != DEFAULT_PORTS.get(url.scheme):
            netloc += f":{url.port}"
        return cls(
            url=f"{url.scheme}://{netloc}{url.resource}",
            host_header=url.host_header,
            host=url.host,
            scheme=url.scheme,
            port=url.port,
            addresses=addresses,
            authorization=url.authorization,
        )


def parse_url(text: str, *, allows_credentials: bool = False) -> OutboundUrl:
    """Take a URL apart; whatever two programs might read differently is refused.

    Args:
        text: An absolute URL, from anybody.
        allows_credentials: Whether it may hold a user name and a password.

    Raises:
        SSRFViolation: With the reason `"malformed"`, `"credentials"` or `"host"`.
    """
    if not isinstance(text, str):
        _refuse("malformed", f"a URL is text, not {type(text).__name__}")
    if len(text) > _LONGEST_URL:
        _refuse("malformed", f"the URL has {len(text)} characters; {_LONGEST_URL} are allowed")
    unfit = _UNFIT.search(text)
    if unfit is not None:
        _refuse("malformed", f"the URL contains {unfit.group()!r}; percent-encode it")
    match = _URL.fullmatch(text)
    if match is None:
        _refuse("malformed", "the URL is not absolute; it begins with a scheme and '://'")
    scheme, authority, path, query = match.groups()
    authorization = None
    if "@" in authority:
        if not allows_credentials:
            _refuse("credentials", "the URL holds a user name or password; send those in a header")
        credentials, _, authority = authority.partition("@")
        authorization = _basic(credentials)
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        _refuse("malformed", f"{_shown(authority)} is not a host with at most a port")
    host, port = parts.groups()
    scheme = scheme.lower()
    number = int(port) if port else DEFAULT_PORTS.get(scheme, 0)
    if port and not 0 < number < 65536:
        _refuse("port", f"the port is {number}; ports go from 1 to 65535")
    resource = _encoded((path or "/") + (query or ""))
    return OutboundUrl(scheme, canonical_host(host), number, resource, authorization)


def _basic(credentials: str) -> str:
    """Return the value of `Authorization` for the part of a URL before the `@` (RFC 7617)."""
    if _USERINFO.fullmatch(credentials) is None:
        _refuse("credentials", "the user name or password is malformed; percent-encode it")
    name, _, password = credentials.partition(":")
    pair = f"{unquote(name)}:{unquote(password)}".encode("utf-8", "surrogateescape")
    return f"Basic {b64encode(pair).decode('ascii')}"


def canonical_host(text: str) -> str:
    """Return a host in the one spelling that is compared, resolved and sent.

    Lower case, IDNA-encoded, without a trailing dot; an IPv6 address compressed and without
    brackets.

    Args:
        text: A name, an IPv4 address, or an IPv6 address in brackets.

    Raises:
        SSRFViolation: With the reason `"host"`.
    """
    if text.startswith("["):
        return _ipv6(text[1:-1])
    host = (text if text.isascii() else _from_unicode(text)).lower().removesuffix(".")
    if not host:
        _refuse("host", "the URL has no host")
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _ipv4(host)
    if len(host) > _LONGEST_HOST or not all(map(_LABEL.fullmatch, labels)):
        _refuse("host", f"{_shown(host)} is not a host name")
    return host


def _ipv6(text: str) -> str:
    if "%" in text:
        _refuse("host", f"{_shown(text)} has a zone, which means an interface of this machine")
    address = parse_address(text)
    if address is None or ":" not in text:
        _refuse("host", f"{_shown(text)} is not an IPv6 address")
    return str(address)


def _ipv4(host: str) -> str:
    if "%" in host:  # a zone, which means an interface of this machine, or half of an escape
        _refuse("host", f"{_shown(host)} is a number with a '%' in it")
    # SECURITY: 2130706433, 0x7f.1, 0177.0.0.1 and 127.1 mean 127.0.0.1 to some programs and
    # something else, or nothing, to others. They are not needed, so none is decoded.
    address = parse_address(host)
    if address is None:
        _refuse("host", f"{_shown(host)} is a number; write an IPv4 address as four decimal parts")
    return str(address)


def _from_unicode(text: str) -> str:
    """Map fullwidth and circled digits, ideographic dots and the like as resolvers do (UTS 46)."""
    if len(text) > _LONGEST_HOST:
        _refuse("host", "the host name is too long")
    import idna  # PERF: its tables are large, and nearly all hosts are ASCII

    try:
        return idna.encode(text, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        _refuse("host", f"{_shown(text)} is not an internationalised host name (RFC 5891)")


def _encoded(resource: str) -> str:
    """Percent-encode what is not ASCII; everything else stays as it is."""
    try:
        return resource if resource.isascii() else quote(resource, safe=_URL_SAFE)
    except UnicodeEncodeError:
        _refuse("malformed", "the URL contains half of a surrogate pair")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _shown(text: str) -> str:
    return ascii(text[:100])


def _refuse(reason: Reason, explanation: str) -> NoReturn:
    raise SSRFViolation(reason, explanation)
