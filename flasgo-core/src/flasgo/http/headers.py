"""Header lists: reading the request's, guarding the response's."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Generic, TypeVar, cast, overload

from flasgo.errors import HTTPException, MissingKeyError

__all__ = [
    "HeaderBlock",
    "Headers",
    "MutableHeaders",
    "checked_raw",
    "encode_header",
    "fill",
    "read_head",
]

RawHeader = tuple[bytes, bytes]
RawList = TypeVar("RawList", bound=Sequence[tuple[bytes, bytes]])

# Two values for one of these make servers, proxies and applications disagree about the request.
_SINGLETONS = frozenset(
    {b"host", b"authorization", b"content-length", b"content-type", b"transfer-encoding"}
)

_MOST_BESIDES = 64

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_RAW_TOKEN = re.compile(_TOKEN.pattern.encode())
_UNFIT = re.compile(rb"[\r\n\0]")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def read_head(
    headers: Sequence[RawHeader], limit: int, path: bytes = b"", query: bytes = b""
) -> dict[bytes, bytes]:
    """Check the size of a request's head and its singletons, and index the headers by name.

    Names in upper case, which ASGI forbids, stay as they are: nothing finds them, so that a
    server which passes them on gets an app that sees no `Host`, rather than one of two.

    Args:
        headers: The header list of the ASGI scope, with lower-case names.
        limit: How many bytes the path, the query and all names and values together may have.
        path: The path as it was sent.
        query: The query as it was sent.

    Returns:
        The first value of each header, by lower-case name.

    Raises:
        HTTPException: 400 when `Host`, `Authorization`, `Content-Length`, `Content-Type` or
            `Transfer-Encoding` comes twice, 431 (RFC 6585, section 5) when the head is too large.
    """
    head: dict[bytes, bytes] = dict(headers)
    if len(head) != len(headers):
        return _read_repeated(headers, limit, path, query)
    # PERF: one join is quicker than adding up lengths.
    if len(b"".join([path, query, *head, *head.values()])) > limit:
        raise _too_large(limit, path, query)
    return head


def _read_repeated(
    headers: Sequence[RawHeader], limit: int, path: bytes, query: bytes
) -> dict[bytes, bytes]:
    if sum([len(name) + len(value) for name, value in headers]) + len(path) + len(query) > limit:
        raise _too_large(limit, path, query)
    head: dict[bytes, bytes] = {}
    for name, value in headers:
        lower = name.lower()
        if lower not in head:
            head[lower] = value
        elif lower in _SINGLETONS:
            shown = lower.decode("ascii").title()
            raise HTTPException(
                400, f"The request has more than one {shown} header; send exactly one."
            )
    return head


def _too_large(limit: int, path: bytes, query: bytes) -> HTTPException:
    if len(path) + len(query) > limit // 2:
        return HTTPException(
            431,
            f"The request line and the headers are larger than {limit} bytes; send a shorter "
            "address, for example by moving parameters into the body of a POST request.",
        )
    return HTTPException(
        431,
        f"The request headers are larger than {limit} bytes; send fewer or smaller headers, "
        "for example by clearing the cookies of this site.",
    )


@lru_cache(maxsize=1024)
def _encode_name(name: str) -> bytes:
    if _TOKEN.fullmatch(name) is None:
        raise ValueError(
            f"Header name {name!r} is not allowed: use letters, digits and !#$%&'*+-.^_`|~ only "
            "(RFC 9110, section 5.1)."
        )
    return name.lower().encode("ascii")


def _encode_value(name: str, value: str) -> bytes:
    if value.isascii() and value.isprintable():
        return value.strip(" ").encode("ascii")
    found = _CONTROL.search(value)
    if found is not None:
        raise ValueError(
            f"The value of header {name!r} contains {found.group()!r}: CR, LF, NUL and other "
            "control characters are not allowed (RFC 9110, section 5.5; CWE-113). Remove them or "
            "percent-encode the text."
        )
    try:
        return value.strip(" \t").encode("latin-1")
    except UnicodeEncodeError:
        raise ValueError(
            f"The value of header {name!r} contains characters outside Latin-1; percent-encode "
            "the text, for example with urllib.parse.quote."
        ) from None


def encode_header(name: str, value: str) -> RawHeader:
    """Check one header and return it as it goes on the wire, the name in lower case.

    Args:
        name: A token (RFC 9110, section 5.1).
        value: Latin-1 text without control characters; blanks around it are dropped.

    Raises:
        TypeError: When either is not a string.
        ValueError: When either contains something that a header must not (CWE-113).
    """
    if not isinstance(name, str) or not isinstance(value, str):
        raise TypeError(
            f"Header {name!r} has the value {value!r} of type {type(value).__name__}: names and "
            "values are str; convert the value with str(...)."
        )
    return _encode_name(name), _encode_value(name, value)


def checked_raw(headers: Iterable[tuple[bytes, bytes]]) -> list[RawHeader]:
    """Return the headers that another app sends, with names in lower case.

    SECURITY: not every server looks at what it writes, and a line break in a value begins a header
    that the app did not choose, or a whole response (CWE-113).

    Args:
        headers: Its headers, as ASGI has them.

    Raises:
        ValueError: When a name is not a token (RFC 9110, 5.1), or a value has CR, LF or NUL.
    """
    raw = [(bytes(name).lower(), bytes(value)) for name, value in headers]
    for name, value in raw:
        if _RAW_TOKEN.fullmatch(name) is None:
            raise ValueError(
                f"The app sent a header with the name {name!r}, which is not a token (RFC 9110)."
            )
        if _UNFIT.search(value) is not None:
            raise ValueError(
                f"The app sent the header {name!r} with CR, LF or NUL in its value (CWE-113)."
            )
    return raw


@lru_cache(maxsize=1024)
def _lookup_key(name: str) -> bytes:
    # A name that is not Latin-1 cannot be in any header list: it is looked up and not found.
    return name.lower().encode("latin-1", "replace")


class _HeaderView(Generic[RawList]):
    """What reading a header list has in common for requests and responses."""

    __slots__ = ("_raw",)

    _raw: RawList

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    @overload
    def get(self, name: str, default: None = None) -> str | None: ...

    @overload
    def get(self, name: str, default: str) -> str: ...

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return the first value of a header, or `default`.

        Args:
            name: The header's name, in any case.
            default: What to return when the header is absent.
        """
        wanted = _lookup_key(name)
        for key, value in self._raw:
            if key == wanted:
                return value.decode("latin-1")
        return default

    def getlist(self, name: str) -> list[str]:
        """Return all values of a header in order, or an empty list."""
        wanted = _lookup_key(name)
        return [value.decode("latin-1") for key, value in self._raw if key == wanted]

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        wanted = _lookup_key(name)
        return any(key == wanted for key, _ in self._raw)

    def keys(self) -> list[str]:
        """Return each name once, in lower case, in order of first appearance."""
        return list(dict.fromkeys(key.decode("latin-1") for key, _ in self._raw))

    def values(self) -> list[str]:
        """Return all values in order, those of repeated headers included."""
        return [value.decode("latin-1") for _, value in self._raw]

    def items(self) -> list[tuple[str, str]]:
        """Return all lower-case names and values in order, repeated headers included."""
        return [(key.decode("latin-1"), value.decode("latin-1")) for key, value in self._raw]

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len({key for key, _ in self._raw})

    def __eq__(self, other: object) -> bool:
        if isinstance(other, _HeaderView):
            return list(self._raw) == list(other._raw)
        return NotImplemented

    __hash__ = None

    def __repr__(self) -> str:
        # Values stay out: they hold credentials and end up in logs.
        return f"{type(self).__name__}({', '.join(self.keys())})"


class Headers(_HeaderView[Sequence[RawHeader]]):
    """A request's headers: immutable, names in any case, repeated headers kept.

    `headers["x"]` is the first value; `getlist` returns all of them. A header that is not there is
    a `MissingKeyError`: a KeyError that is answered with 400. Nothing is split at commas: a header
    that is a list (RFC 9110, section 5.6.1) may come in one line or in several.

    Args:
        raw: Pairs of name and value as bytes, as in an ASGI scope, names in lower case.
        head: The first value of each of them by name, where that has been built already.
    """

    __slots__ = ("_head",)

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise MissingKeyError("header", name)
        return value

    def __init__(self, raw: Sequence[RawHeader], head: dict[bytes, bytes] | None = None) -> None:
        if head is None:
            head = {}
            for name, value in raw:
                head.setdefault(name, value)
        self._raw = raw
        self._head = head

    @property
    def raw(self) -> Sequence[RawHeader]:
        """The pairs of bytes behind these headers."""
        return self._raw

    if not TYPE_CHECKING:  # typed by the base class

        def get(self, name: str, default: str | None = None) -> str | None:
            """Return the first value of a header, or `default`."""
            value = self._head.get(_lookup_key(name))
            return default if value is None else value.decode("latin-1")

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and _lookup_key(name) in self._head

    def __len__(self) -> int:
        return len(self._head)


class HeaderBlock:
    """Headers that are checked and encoded once, to be filled into many responses.

    Args:
        headers: A mapping, or pairs when a name repeats.
        watched: Further names whose presence `Response.fill_headers` is to tell of.

    Raises:
        ValueError: When a name or value is not allowed, or `Content-Length` is among them.
    """

    __slots__ = ("_besides", "names", "pairs")

    pairs: tuple[RawHeader, ...]
    names: frozenset[bytes]
    # What is filled in beside the names of a header list; those of an app's answers are few.
    _besides: dict[tuple[bytes, ...], list[RawHeader]]

    def __init__(
        self,
        headers: Mapping[str, str] | Iterable[tuple[str, str]],
        *,
        watched: Iterable[str] = (),
    ) -> None:
        self.pairs = tuple(encode_header(name, value) for name, value in _pairs(headers))
        names = {name for name, _ in self.pairs}
        if b"content-length" in names:
            raise ValueError("A HeaderBlock cannot hold Content-Length: it depends on each body.")
        self.names = frozenset(names.union(map(_lookup_key, watched)))
        self._besides = {}

    @classmethod
    def of_encoded(cls, pairs: tuple[RawHeader, ...], names: frozenset[bytes]) -> HeaderBlock:
        """Return a block of headers that differ with each response, such as numbers.

        SECURITY: nothing is checked, so no value may come from a client.

        Args:
            pairs: Lower-case names and values.
            names: The same names, and those that are watched.
        """
        block = object.__new__(cls)
        block.pairs = pairs
        block.names = names
        block._besides = {}
        return block

    def _beside(self, present: tuple[bytes, ...]) -> list[RawHeader]:
        """Return those headers whose names are not among others."""
        pairs = self._besides.get(present)
        if pairs is None:
            pairs = [pair for pair in self.pairs if pair[0] not in present]
            if len(self._besides) < _MOST_BESIDES:
                self._besides[present] = pairs
        return pairs

    def __len__(self) -> int:
        return len(self.pairs)

    def __repr__(self) -> str:
        return f"HeaderBlock({', '.join(name.decode('ascii') for name, _ in self.pairs)})"


def _pairs(headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """Return names and values of a mapping, of our own header views, or of pairs."""
    if isinstance(headers, Mapping | _HeaderView):
        return cast("Mapping[str, str]", headers).items()
    if isinstance(headers, str | bytes):
        raise TypeError(f"Headers are a mapping or pairs of str, not {headers!r}.")
    return headers


def fill(raw: list[RawHeader], block: HeaderBlock) -> bool:
    """Append those headers of a block whose names a header list does not have yet.

    Returns:
        Whether all of them went in, and none of the block's watched names was there.
    """
    names = block.names
    for pair in raw:
        if pair[0] in names:
            raw += block._beside(tuple([name for name, _ in raw]))
            return False
    raw += block.pairs
    return True


class MutableHeaders(_HeaderView[list[RawHeader]]):
    """A response's headers; its header list is changed through them only.

    Every name and value is checked when it is set, so nothing that could split a response
    (CWE-113) is ever in the list.

    Args:
        raw: The list to work on; it is shared, not copied.
    """

    __slots__ = ("_declares_length",)

    def __init__(self, raw: list[RawHeader]) -> None:
        self._raw = raw
        self._declares_length = False
        for pair in raw:
            if pair[0] == b"content-length":
                self._declares_length = True

    @property
    def raw(self) -> tuple[RawHeader, ...]:
        """A copy of the pairs of bytes behind these headers."""
        return tuple(self._raw)

    def __setitem__(self, name: str, value: str) -> None:
        pair = encode_header(name, value)
        key = pair[0]
        raw = self._raw
        for index, present in enumerate(raw):
            if present[0] == key:
                raw[index:] = [pair, *[other for other in raw[index + 1 :] if other[0] != key]]
                return
        raw.append(pair)
        if key == b"content-length":
            self._declares_length = True

    def __delitem__(self, name: str) -> None:
        key = _lookup_key(name)
        kept = [pair for pair in self._raw if pair[0] != key]
        if len(kept) == len(self._raw):
            raise KeyError(name)
        self._raw[:] = kept
        if key == b"content-length":
            self._declares_length = False

    def add(self, name: str, value: str) -> None:
        """Append a header and keep those of the same name.

        Args:
            name: The header's name.
            value: The header's value.

        Raises:
            ValueError: When name or value contains something that a header must not.
        """
        pair = encode_header(name, value)
        if pair[0] == b"content-length":
            self[name] = value  # there is never more than one
            return
        self._raw.append(pair)

    def setdefault(self, name: str, value: str) -> str:
        """Set a header unless it is there already, and return the value it has then."""
        present = self.get(name)
        if present is not None:
            return present
        self[name] = value
        return value

    def pop(self, name: str, default: str | None = None) -> str | None:
        """Remove all headers of this name and return the first value, or `default`."""
        value = self.get(name)
        if value is None:
            return default
        del self[name]
        return value

    def discard(self, names: Collection[bytes]) -> None:
        """Remove all headers of these names.

        Args:
            names: Names in lower case; those that are absent do not matter.
        """
        self._raw[:] = [pair for pair in self._raw if pair[0] not in names]
        if b"content-length" in names:
            self._declares_length = False

    def update(self, headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> None:
        """Set several headers; each replaces those of its name, repeats in `headers` are kept.

        Args:
            headers: A mapping, or pairs when a name repeats.
        """
        seen: set[str] = set()
        for name, value in _pairs(headers):
            lower = name.lower() if isinstance(name, str) else name
            if lower in seen:
                self.add(name, value)
            else:
                seen.add(lower)
                self[name] = value

    def fill(self, block: HeaderBlock) -> None:
        """Add each header of `block` that is not present yet."""
        fill(self._raw, block)

    def add_vary(self, *names: str) -> None:
        """Add request header names to `Vary` (RFC 9110, section 12.5.5), each once.

        Args:
            *names: The request headers that the response depends on, or `"*"`.
        """
        # PERF: most responses have none yet.
        if len(names) == 1 and b"vary" not in [name for name, _ in self._raw]:
            self._raw.append(encode_header("vary", names[0]))
            return
        present = [part.strip() for value in self.getlist("vary") for part in value.split(",")]
        known = {part.lower() for part in present}
        if "*" in known:
            return
        missing = [name for name in dict.fromkeys(names) if name.lower() not in known]
        if missing:
            self["vary"] = ", ".join([part for part in present if part] + missing)
