"""The 500 answer of an app in `DEBUG`: what failed and where, for the developer's own eyes."""

from __future__ import annotations

import platform
import traceback
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from flasgo.errors import HookError, HTTPException, type_name
from flasgo.features.error_pages.debug_style import DEBUG_STYLE
from flasgo.features.error_pages.error_page import HTML, data_response, preferred_form
from flasgo.features.error_pages.frames import Failure, Frame, chain
from flasgo.features.error_pages.masking import MASK, Masker
from flasgo.responses.pages import page_response
from flasgo.responses.response import Response

if TYPE_CHECKING:
    from flasgo.requests.connection import Connection

__all__ = ["debug_response"]

_OPEN_FRAMES = 3
_LONG_MESSAGE = 90
_RELATIONS = {
    "cause": "It was caused by",
    "context": "It was raised while this was being handled",
    "member": "One of the exceptions in the group",
}


def debug_response(connection: Connection, error: Exception) -> Response:
    """Return the 500 answer with a traceback, for the developer's own eyes.

    SECURITY: only for apps with DEBUG on. Everything is escaped; secret settings, credentials and
    the cookies' values are masked wherever they appear, and local variables are not shown at all.

    Args:
        connection: The request.
        error: What went wrong.
    """
    masker = Masker.of(connection.app.settings)
    culprit = error if isinstance(error, HookError) else None
    # What a hook raised says more than that it raised.
    shown = error.__cause__ if culprit is not None and error.__cause__ is not None else error
    form = preferred_form(connection)
    if form == HTML:
        response = _page(connection, shown, culprit, masker)
    else:
        response = _data(shown, culprit, form, masker)
    response.headers.add_vary("Accept")
    response.headers["cache-control"] = "no-store"
    return response


def _data(error: BaseException, culprit: HookError | None, form: str, masker: Masker) -> Response:
    summary = HTTPException(500, f"{type(error).__name__}: {masker.text(error)}")
    lines = [masker.text(line) for line in traceback.format_exception(error)]
    extra: dict[str, object] = {"traceback": [_sendable(line) for line in lines]}
    if culprit is not None:
        extra |= {"plugin": culprit.plugin, "hook": culprit.hook}
    summary.detail = _sendable(summary.detail)
    return data_response(summary, form, extra)


def _sendable(text: str) -> str:
    """Replace lone surrogates, which JSON in UTF-8 cannot carry."""
    return text.encode("utf-8", "replace").decode()


def _page(
    connection: Connection, error: BaseException, culprit: HookError | None, masker: Masker
) -> Response:
    failures = chain(error)
    body = "\n".join(
        (
            _head(connection, error, culprit, masker),
            "<main>",
            _traceback(failures, masker),
            _request(connection, masker),
            _settings(connection, masker),
            _plugins(connection, culprit),
            _plain_text(error, masker),
            "</main>",
            _foot(),
        )
    )
    title = f"{type(error).__name__} at {connection.path}"
    return page_response(masker.text(title, 200), DEBUG_STYLE, body, 500)


def _head(
    connection: Connection, error: BaseException, culprit: HookError | None, masker: Masker
) -> str:
    kind = type_name(error)
    module, dot, name = kind.rpartition(".")
    message = masker.html(error) or "<i>no message</i>"
    size = ' class="long"' if len(message) > _LONG_MESSAGE else ""
    verb = escape(str(connection.scope.get("method", "WEBSOCKET")))
    blame = ""
    if culprit is not None:
        plugin, hook = escape(culprit.plugin), escape(culprit.hook)
        blame = (
            f'<p class="blame"><b>Plugin <code>{plugin}</code></b> raised this in its hook '
            f"<code>{hook}</code>{_origin(connection, culprit.plugin)}.</p>"
        )
    return (
        f'<header><div class="in"><p class="where"><b>{verb}</b> '
        f"<span>{masker.html(connection.path, 300)}</span></p>"
        f'<p class="kind"><span>{escape(module + dot)}</span>{escape(name)}</p>'
        f"<h1{size}>{message}</h1>{blame}"
        '<nav aria-label="On this page"><a href="#traceback">Traceback</a>'
        '<a href="#request">Request</a><a href="#settings">Settings</a>'
        '<a href="#plugins">Plugins</a><a href="#text">As text</a></nav></div></header>'
    )


def _origin(connection: Connection, plugin: str) -> str:
    for info in connection.app.plugins:
        if info.name == plugin.partition(".")[0] and info.distribution:
            return f" (distribution {escape(info.distribution)} {escape(info.version or '')})"
    return ""


# --- The traceback ------------------------------------------------------------------------------


def _traceback(failures: Iterable[Failure], masker: Masker) -> str:
    parts = ['<section id="traceback"><h2>Traceback <small>most recent call first</small></h2>']
    for failure in failures:
        if failure.relation:
            parts.append(
                f'<h3 class="relation">{_RELATIONS[failure.relation]} '
                f"<code>{escape(type_name(failure.error))}</code></h3>"
                f'<p class="message">{masker.html(failure.error, 2000)}</p>'
            )
        parts.append(_frames(failure.frames, masker))
    parts.append("</section>")
    return "\n".join(parts)


def _frames(frames: tuple[Frame, ...], masker: Masker) -> str:
    if not frames:
        return '<p class="none">It was never raised, so there are no frames.</p>'
    own = [frame for frame in frames if frame.is_own]
    libraries = [frame for frame in frames if not frame.is_own]
    if not own:
        return _frame_list(frames, masker, opened=1)
    shown = _frame_list(own, masker, opened=_OPEN_FRAMES)
    if not libraries:
        return shown
    title = f"Calls in libraries ({len(libraries)})"
    return (
        f'{shown}\n<details class="group"><summary>{title}</summary>\n'
        f"{_frame_list(libraries, masker, opened=0)}</details>"
    )


def _frame_list(frames: Sequence[Frame], masker: Masker, *, opened: int) -> str:
    """Return frames as a list, the most recent call first; the first ones show their source."""
    parts = ['<ol class="frames">']
    for index, frame in enumerate(frames):
        parts.append(_frame(frame, masker, is_open=index < opened))
        if frame.left_out:
            parts.append(f'<li class="none">{frame.left_out} further calls are not shown.</li>')
    parts.append("</ol>")
    return "\n".join(parts)


def _frame(frame: Frame, masker: Masker, *, is_open: bool) -> str:
    directory, slash, name = frame.path.replace("\\", "/").rpartition("/")
    whose = "own" if frame.is_own else "library"
    label = "" if frame.is_own else "<small>library</small>"
    return (
        f'<li class="{whose}"><details{" open" if is_open else ""}><summary>'
        f'<span class="fn">{masker.html(frame.function, 200)}</span>'
        f'<span class="file"><span>{masker.html(directory + slash, 300)}</span>'
        f"<b>{masker.html(name, 200)}:{frame.line}</b></span>{label}</summary>"
        f"{_source(frame, masker)}</details></li>"
    )


def _source(frame: Frame, masker: Masker) -> str:
    if not frame.source:
        return '<p class="none">The source is not available.</p>'
    lines = []
    for number, text in frame.source:
        is_current = number == frame.line
        shown = _marked(text, frame.span, masker) if is_current else masker.html(text)
        mark = ' class="now"' if is_current else ""
        lines.append(f"<li{mark}><i>{number}</i><code>{shown or ' '}</code></li>")
    # A region that scrolls must be reachable with the keyboard.
    return f'<ol class="source" tabindex="0">{"".join(lines)}</ol>'


def _marked(text: str, span: tuple[int, int] | None, masker: Masker) -> str:
    if span is None or masker.text(text) != text:  # masking moves the columns
        return masker.html(text)
    start, stop = span
    return f"{escape(text[:start])}<mark>{escape(text[start:stop])}</mark>{escape(text[stop:])}"


# --- What was going on --------------------------------------------------------------------------


def _request(connection: Connection, masker: Masker) -> str:
    route = connection.route
    is_matched = route is not None and bool(route.methods or route.is_websocket)
    endpoint = f"{route.endpoint} ({route.path})" if route is not None and is_matched else "none"
    facts = [
        ("URL", masker.text(connection.url.partition("?")[0], 500)),
        ("Endpoint", endpoint),
        ("Client", str(connection.client_ip or "unknown")),
    ]
    parameters = [
        *((f"path {n}", masker.value(n, v)) for n, v in connection.path_params.items()),
        *((f"query {n}", masker.value(n, v)) for n, v in _query(connection)),
        *((f"cookie {n}", MASK) for n, _ in connection.cookies.multi_items()),
    ]
    headers = [(n, masker.value(n, v)) for n, v in connection.headers.items()]
    return (
        f'<section id="request"><h2>Request</h2>{_rows(facts, masker)}'
        f"<h3>Parameters</h3>{_rows(parameters, masker)}"
        f"<h3>Headers</h3>{_rows(headers, masker)}</section>"
    )


def _query(connection: Connection) -> list[tuple[str, str]]:
    try:
        return connection.query.multi_items()
    except HTTPException:
        return []


def _settings(connection: Connection, masker: Masker) -> str:
    rows = connection.app.settings.describe()
    parts = ['<section id="settings"><h2>Settings</h2>']
    changed = [row for row in rows if row.source != "default"]
    for title, group in (("Set for this app", changed), ("All", rows)):
        listed = [(f"{row.name}", masker.setting(row.name, row.value)) for row in group]
        is_open = " open" if group is changed else ""
        parts.append(
            f'<details class="group"{is_open}><summary>{title} ({len(group)})</summary>'
            f"{_rows(listed, masker)}</details>"
        )
    parts.append("</section>")
    return "".join(parts)


def _plugins(connection: Connection, culprit: HookError | None) -> str:
    guilty = None if culprit is None else culprit.plugin.partition(".")[0]
    items = []
    for info in connection.app.plugins:
        mark = ' class="guilty"' if info.name == guilty else ""
        origin = f"{info.distribution} {info.version}" if info.distribution else "given to the app"
        items.append(
            f"<li{mark}><b>{escape(info.name)}</b><span>{escape(origin)}</span>"
            f"<small>{escape(', '.join(info.hooks) or 'no hooks')}</small></li>"
        )
    listed = f'<ul class="plugins">{"".join(items)}</ul>' if items else '<p class="none">None.</p>'
    return f'<section id="plugins"><h2>Plugins</h2>{listed}</section>'


def _plain_text(error: BaseException, masker: Masker) -> str:
    text = masker.html("".join(traceback.format_exception(error)), 100_000)
    return (
        '<section id="text"><h2>As text</h2><details class="group"><summary>'
        f'To copy into a report</summary><pre tabindex="0">{text}</pre></details></section>'
    )


def _foot() -> str:
    return (
        f"<footer><p>Shown because <code>DEBUG</code> is on. Python {platform.python_version()}."
        "</p></footer>"
    )


def _rows(pairs: Iterable[tuple[str, str]], masker: Masker) -> str:
    """Return names and values, masked already, as a list of descriptions."""
    items = [
        f"<div><dt>{masker.html(name, 200)}</dt><dd>{escape(value) or '&nbsp;'}</dd></div>"
        for name, value in pairs
    ]
    return f"<dl>{''.join(items)}</dl>" if items else '<p class="none">None.</p>'
