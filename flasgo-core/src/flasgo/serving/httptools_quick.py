"""The guarded protocol on httptools with cycles of our own, and fewer timers."""

from __future__ import annotations

import contextvars
import re
from typing import Any
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.flow_control import service_unavailable

from flasgo.serving.answer_cycle import AnswerCycle
from flasgo.serving.httptools_cycle import HttpToolsCycle
from flasgo.serving.httptools_guard import GuardedHttpTools

__all__ = ["QuickHttpTools"]

# A target that needs no parser: neither escapes nor anything that a URL may not have.
_PLAIN_TARGET = re.compile(rb"(/[A-Za-z0-9/._~-]*)(?:\?([A-Za-z0-9=&._~-]*))?")


class QuickHttpTools(GuardedHttpTools):
    """An HTTP connection that is parsed by httptools, answered in one write where that goes."""

    pipeline: Any

    # Any: these are uvicorn's own arguments, passed on untouched.
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # When the last answer was complete; 0 while a request is under way.
        self._idle_since = 0.0
        self._access_logger = self.access_logger if self.access_log else None

    # --- requests ---------------------------------------------------------------------------------

    def _begin_cycle(self) -> None:
        """Do what uvicorn's `on_headers_complete` does, for a request that is no handshake."""
        parser, scope = self.parser, self.scope
        version = parser.get_http_version()
        scope["method"] = parser.get_method().decode("ascii")
        if version != "1.1":
            scope["http_version"] = version
        self._read_path(scope)
        existing = self.cycle
        cycle = self.cycle = HttpToolsCycle(
            scope,
            self.transport,
            self.flow,
            self._access_logger,
            self.server_state.default_headers,
            self.expect_100_continue,
            version != "1.0" and parser.should_keep_alive(),
            self.on_response_complete,
            self._forget,
        )
        app = self.app if self.limit_concurrency is None else self._app_within_limit()
        if existing is None or existing.response_complete:
            self._start_asgi_task(cycle, app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, app))

    # Any: the scope is uvicorn's, with keys of its own.
    def _read_path(self, scope: Any) -> None:
        plain = _PLAIN_TARGET.fullmatch(self.url)
        if plain is not None:
            raw_path, query = plain.groups()
            path = raw_path.decode("ascii")
        else:
            url = httptools.parse_url(self.url)
            raw_path, query = url.path, url.query
            path = raw_path.decode("ascii")
            if "%" in path:
                path = unquote(path)
        root = self.root_path
        scope["path"] = root + path if root else path
        scope["raw_path"] = root.encode("ascii") + raw_path if root else raw_path
        scope["query_string"] = query or b""

    def _app_within_limit(self) -> Any:
        limit = self.limit_concurrency
        if limit is None or (len(self.connections) < limit and len(self.tasks) < limit):
            return self.app
        self.logger.warning("Exceeded concurrency limit.")
        return service_unavailable

    # Any: an ASGI app, as uvicorn types it.
    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        if self.config.reset_contextvars:
            context = contextvars.Context()
            task = self.loop.create_task(cycle.run_asgi(app), context=context)
        else:
            task = self.loop.create_task(cycle.run_asgi(app))
        cycle.task = task
        self.tasks.add(task)

    def _forget(self, cycle: AnswerCycle) -> None:
        """Take the task of a request off uvicorn's list.

        PERF: a callback of the task would do the same one turn of the loop later.
        """
        if cycle.task is not None:
            self.tasks.discard(cycle.task)
        # What is over does not hold on to the connection.
        cycle.on_response = cycle.ended = _do_nothing

    def on_message_complete(self) -> None:
        """Tell the app that the body is complete."""
        cycle = self.cycle
        # A connection that begins with a handshake has no cycle.
        if cycle is None or cycle.response_complete:
            return
        if self.parser.should_upgrade() and self._should_upgrade():
            return
        cycle.more_body = False
        cycle.set()

    # --- idle connections -------------------------------------------------------------------------

    # PERF: uvicorn makes a timer after each answer and cancels it at the next request. One timer
    # that looks at the time when it fires costs nothing on a busy connection.

    def on_response_complete(self) -> None:
        """Go on with the next request, or begin to wait for it."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._idle_since = 0.0
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
            return
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._wait_idly(self.timeout_keep_alive)

    def _wait_idly(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            seconds, self.timeout_keep_alive_handler
        )

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection where nothing has come for as long as one may be idle."""
        self.timeout_keep_alive_task = None
        if not self._idle_since or self.transport.is_closing():
            return
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._wait_idly(left)
        else:
            self.transport.close()

    def _unset_keepalive_if_required(self) -> None:
        self._idle_since = 0.0

    def connection_lost(self, exc: Exception | None) -> None:
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None
        super().connection_lost(exc)


def _do_nothing(*_: object) -> None:
    return
