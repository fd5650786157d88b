"""NDJSON: a stream of JSON values, one in each line."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import TYPE_CHECKING, Unpack

import msgspec

from flasgo.responses.response import HeadersLike, ResponseAliases, StreamingResponse, encode_json
from flasgo.responses.streaming import producer

if TYPE_CHECKING:
    from flasgo.kernel.background import Background

__all__ = ["NDJSONResponse"]


class NDJSONResponse(StreamingResponse):
    """A streamed response with one JSON value in each line (`application/x-ndjson`).

    Args:
        items: Yields values, each of anything msgspec can encode. An ordinary iterator is advanced
            in a worker thread.
        status_code: The status.
        headers: Response headers.
        background: What is to be called after the response: `BackgroundTasks`, or a function.
        aliases: `status`, as Flask calls `status_code`.
    """

    def __init__(
        self,
        items: AsyncIterable[object] | Iterable[object],
        status_code: int = 200,
        headers: HeadersLike | None = None,
        background: Background | None = None,
        **aliases: Unpack[ResponseAliases],
    ) -> None:
        super().__init__((), status_code, headers, "application/x-ndjson", background, **aliases)
        self._source = producer(items)

    def encode(self, part: object) -> bytes:
        """Return a value as a line of JSON.

        Args:
            part: The value.

        Raises:
            TypeError: When it cannot be encoded.
        """
        line = encode_json(part)
        if b"\n" in line:  # of a msgspec.Raw; what we encode has none
            try:
                line = msgspec.json.format(line, indent=-1)
            except ValueError as error:
                raise TypeError(f"This Raw cannot be sent as JSON: {error}.") from error
        return line + b"\n"
