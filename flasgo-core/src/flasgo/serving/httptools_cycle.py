"""Answers on a connection that httptools parses: the same bytes as from uvicorn, in one write."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from flasgo.asgi import Message
from flasgo.serving.answer_cycle import MOST_JOINED, AnswerCycle, unexpected
from flasgo.serving.head_lines import LINES, default_block, encode_line, known_lines, length_line

__all__ = ["HttpToolsCycle"]


class HttpToolsCycle(AnswerCycle):
    """A request on a connection that httptools parses."""

    __slots__ = ()

    # PERF: one function, however long; most requests come here twice, and nowhere else.
    async def send(self, message: Message) -> None:
        """Write what the app sends; see `AnswerCycle.send`."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if not self.response_started:
            if message["type"] != "http.response.start":
                raise unexpected("http.response.start", message)
            self.response_started = True
            self.waiting_for_100_continue = False
            status = message["status"]
            self.log_access(status)
            head = self._head(status, message.get("headers", ()))
            if self.chunked_encoding:
                self.transport.write(head)
            else:
                self.held = head
        elif not self.response_complete:
            if message["type"] != "http.response.body":
                raise unexpected("http.response.body", message)
            more_body = message.get("more_body", False)
            self._write_body(message.get("body", b""), is_last=not more_body)
            if not more_body:
                if self.expected_content_length != 0:
                    raise RuntimeError("Response content shorter than Content-Length")
                self.response_complete = True
                self.set()
                if not self.keep_alive:
                    self.transport.close()
                self.on_response()
        else:
            raise unexpected(None, message)

    # Any: the headers are whatever the app has sent.
    def _head(self, status: int, headers: Any) -> bytes:
        """Return the status line and all header lines, and learn how the body is framed."""
        block = default_block(self.default_headers)
        # PERF: most answers of an app have the same lines, and their length behind them.
        if self.keep_alive and block is not None and type(headers) is list and headers:
            name, value = headers[-1]
            if name == b"content-length":
                lines = known_lines(headers)
                if lines is not None:
                    line, self.expected_content_length = length_line(name, value)
                    self.chunked_encoding = False
                    return b"".join((STATUS_LINE[status], block, lines, line, b"\r\n"))
        return self._new_head(status, headers, block)

    # Any: as above.
    def _new_head(self, status: int, headers: Any, block: bytes | None) -> bytes:
        content = [STATUS_LINE[status]]
        if block is None:
            headers = [*self.default_headers, *headers]
        else:
            content.append(block)
        names_close = False
        for header in headers:
            try:
                line = LINES.get(header)
            except TypeError:  # a list in place of a tuple
                line = None
            if line is None:
                name, value = header
                lower = name.lower()
                if lower == b"content-length" and self.chunked_encoding is None:
                    line, self.expected_content_length = length_line(name, value)
                    self.chunked_encoding = False
                else:
                    line = encode_line(name, value)
                    if lower == b"transfer-encoding" and value.lower() == b"chunked":
                        self.expected_content_length = 0
                        self.chunked_encoding = True
                    elif lower == b"connection":
                        options = [option.lower().strip() for option in value.split(b",")]
                        if b"close" in options:
                            self.keep_alive = False
                            names_close = True
            content.append(line)
        if not self.keep_alive and not names_close:
            content.append(b"connection: close\r\n")
        if (
            self.chunked_encoding is None
            and self.scope["method"] != "HEAD"
            and status not in (204, 304)
        ):
            self.chunked_encoding = True
            content.append(b"transfer-encoding: chunked\r\n")
        content.append(b"\r\n")
        return b"".join(content)

    def _write_body(self, body: bytes, *, is_last: bool) -> None:
        """Write a part of the body, behind a head that waits for it."""
        if self.scope["method"] == "HEAD":
            self.expected_content_length = 0
            self.flush()
        elif self.chunked_encoding:
            content = [b"%x\r\n" % len(body), body, b"\r\n"] if body else []
            if is_last:
                content.append(b"0\r\n\r\n")
            self.transport.write(b"".join(content))
        else:
            size = len(body)
            if size > self.expected_content_length:
                self.flush()
                raise RuntimeError("Response content longer than Content-Length")
            self.expected_content_length -= size
            if self.held and size <= MOST_JOINED:
                content = self.held + body
                self.held = b""
                self.transport.write(content)
            else:
                self.flush()
                self.transport.write(body)
