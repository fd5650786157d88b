"""Entity tags and dates of responses, and the 304 that saves sending one again."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from flasgo.errors import HTTPException
from flasgo.http.conditional import Preconditions, http_date, parse_http_date

if TYPE_CHECKING:
    from flasgo.http.headers import MutableHeaders
    from flasgo.requests.connection import Connection

__all__ = ["ConditionalMixin", "changed_since"]

# RFC 9110, section 8.8.3: what may stand between the quotes of an entity tag.
_TAG = re.compile(r"[!#-~\x80-\xff]*")
# What describes content, and so is not sent without it (section 15.4.5).
_CONTENT_HEADERS = frozenset(
    {
        b"content-type",
        b"content-length",
        b"content-encoding",
        b"content-language",
        b"content-range",
    }
)


class ConditionalMixin:
    """What responses know about validators and preconditions (RFC 9110, sections 8.8 and 13)."""

    is_streaming: bool

    if TYPE_CHECKING:
        # What the response itself brings.
        status_code: int
        body: bytes

        @property
        def headers(self) -> MutableHeaders: ...

    @property
    def etag(self) -> str | None:
        """The entity tag as it is sent, with quotes and `W/`; None without one."""
        return self.headers.get("etag")

    @etag.setter
    def etag(self, tag: str | None) -> None:
        if tag is None:
            self.headers.pop("etag")
        else:
            self.set_etag(tag)

    def set_etag(self, tag: str, *, weak: bool = False) -> None:
        """Set the entity tag.

        Args:
            tag: What identifies this state of the resource, such as a version number or a hash;
                without quotes.
            weak: Whether equal tags only mean that two states are equivalent.

        Raises:
            ValueError: When the tag contains blanks, quotes or control characters.
        """
        if not isinstance(tag, str) or _TAG.fullmatch(tag) is None:
            raise ValueError(
                f"The entity tag {tag!r} is not allowed: give printable characters without blanks "
                "and quotes (RFC 9110, section 8.8.3), such as a hash in hex."
            )
        self.headers["etag"] = f'W/"{tag}"' if weak else f'"{tag}"'

    def add_etag(self, *, overwrite: bool = False, weak: bool = False) -> None:
        """Set the entity tag to a hash of the body.

        Args:
            overwrite: Whether to replace a tag that is there.
            weak: As for `set_etag`.

        Raises:
            TypeError: When the body is streamed, and so not there to be hashed.
        """
        if not overwrite and "etag" in self.headers:
            return
        if self.is_streaming:
            raise TypeError(
                "A streamed body cannot be hashed before it is sent; give its version with "
                "set_etag(...)."
            )
        from hashlib import blake2b  # only once a tag is wanted

        self.set_etag(blake2b(self.body, digest_size=16).hexdigest(), weak=weak)

    @property
    def last_modified(self) -> datetime | None:
        """When the resource last changed, in UTC; None when that is not said."""
        seconds = self._modified_seconds()
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)

    @last_modified.setter
    def last_modified(self, moment: datetime | float | None) -> None:
        if moment is None:
            self.headers.pop("last-modified")
            return
        if isinstance(moment, datetime):
            aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
            moment = aware.timestamp()
        self.headers["last-modified"] = http_date(int(moment))

    def _modified_seconds(self) -> int | None:
        value = self.headers.get("last-modified")
        return None if value is None else parse_http_date(value)

    def make_conditional(self, request: Connection) -> Self:
        """Answer 304 without a body when the client has this response already.

        Without an `ETag` and a `Last-Modified` a tag is made from the body. Without a
        `Cache-Control` it says `private, no-cache`: kept by this client, asked for each time.
        Nothing happens for other methods than GET and HEAD, and for other answers than 200.

        ```python
        @app.get("/notes/<int:id>")
        async def show(request: Request, id: int):
            note = await load(id)
            response = Response.json(note)
            response.set_etag(str(note["version"]))
            return response.make_conditional(request)
        ```

        Args:
            request: The request, whose `If-Match`, `If-None-Match`, `If-Modified-Since` and
                `If-Unmodified-Since` are judged in the order of RFC 9110, section 13.2.2.

        Returns:
            This response.

        Raises:
            HTTPException: 412 when the client asked for another state than this one.
            TypeError: When the body is streamed and there is neither tag nor date.
        """
        if self.status_code != 200 or request.scope.get("method") not in ("GET", "HEAD"):
            return self
        headers = self.headers
        modified = self._modified_seconds()
        if modified is None:
            self.add_etag()
        headers.setdefault("cache-control", "private, no-cache")
        conditions = Preconditions.of(request.scope["headers"])
        status = 200 if conditions is None else conditions.status(self.etag, modified)
        if status == 412:
            raise changed_since()
        if status == 304:
            self._become_not_modified()
        return self

    async def _prepare(self, request: Connection) -> None:
        """Do what needs the request and may take time; only called where `is_streaming`.

        Args:
            request: The request that is answered.
        """

    async def _close(self) -> None:
        """Close a body that is not sent; only called where `is_streaming`."""

    def _become_not_modified(self) -> None:
        """Turn this response into a 304: what describes content goes, all else stays."""
        self.status_code = 304
        self.headers.discard(_CONTENT_HEADERS)
        if not self.is_streaming:
            self.body = b""


def changed_since() -> HTTPException:
    """Return the error for a precondition that does not hold."""
    return HTTPException(
        412, "This has changed; ask again without If-Match and If-Unmodified-Since."
    )
