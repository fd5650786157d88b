"""The hooks of Flasgo: the contract between the core and every plugin.

Set-up hooks run while an app is put together or inspected, through pluggy. Request hooks are
compiled, once per endpoint, into tuples of plain callables; pluggy is not asked while a request
runs. A hook implementation may take fewer arguments than its spec, by name.

What request hooks are given as `request` is a `Request`, or for a WebSocket handshake the
`WebSocket`: a `Connection` in either case.

The order of a request: `request_started`, the app's `before_request`, `authorize`,
`ratelimit_check`, the handler, `error_response` where one of these has failed, the app's
`after_request`, `response_finalize`, the bytes (a WebSocket's begin with `websocket_accepted` and
end with `websocket_closed`), `request_finished`, and around each background task
`background_task_started` and `background_task_finished`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from flasgo.plugins.hooks import hookspec

if TYPE_CHECKING:
    import typer

    from flasgo.app import Flasgo
    from flasgo.plugins.checks import Finding
    from flasgo.plugins.registry import Registry
    from flasgo.plugins.reports import ReportTable
    from flasgo.requests.connection import Connection
    from flasgo.responses.response import Response
    from flasgo.routing import Route
    from flasgo.websocket import WebSocket

__all__ = [
    "CONTRACT_CHANGES",
    "CONTRACT_LEVEL",
    "REQUEST_HOOKS",
    "SETUP_HOOKS",
    "app_created",
    "app_shutdown",
    "app_startup",
    "authorize",
    "background_task_finished",
    "background_task_started",
    "check_app",
    "cli_commands",
    "error_response",
    "openapi_document",
    "plugin_setup",
    "ratelimit_check",
    "report_tables",
    "request_finished",
    "request_started",
    "response_finalize",
    "route_added",
    "routes_ready",
    "websocket_accepted",
    "websocket_closed",
    "wrap_handler",
]

CONTRACT_LEVEL = 1
"""The version of this contract. It rises when a hook changes in a way plugins can notice.

A plugin says for which level it was written with an attribute `hook_level`; 1 when it says nothing.
"""

CONTRACT_CHANGES: dict[int, dict[str, str]] = {}
"""What each level after the first changed: the hook, and a sentence for its implementers."""

# --- Set-up hooks ---------------------------------------------------------------------------


@hookspec
def plugin_setup(registry: Registry) -> None:
    """State what the plugin brings: settings, methods, attributes, options, policies, hooks.

    When:
        Once per app, before settings are read. `def` only.

    Args:
        registry: Takes the declarations, and refuses names that clash.

    Example:
        ```python
        @hookimpl
        def plugin_setup(self, registry):
            registry.setting("GREETING", str, default="hello", help="What to say.")
        ```
    """


@hookspec
def app_created(app: Flasgo) -> None:
    """Use the app: its settings and options are known, and routes can be added.

    When:
        Once per app, at the end of `Flasgo(...)`, before user code sees the app. `def` only.

    Args:
        app: The app.

    Example:
        ```python
        @hookimpl
        def app_created(self, app):
            app.add_route("/health", health)
        ```
    """


@hookspec
def route_added(app: Flasgo, route: Route) -> None:
    """Look at a route that was registered.

    When:
        Once per route, as it is registered; for the routes that plugins add in `app_created`, when
        all plugins have seen the app. For blueprints when they are registered, and for mounts as
        well. `def` only. An error here refuses the route.

    Args:
        app: The app.
        route: The route. Decorators that stand above the route's own are yet to come.

    Example:
        ```python
        @hookimpl
        def route_added(self, app, route):
            self.known.add(route.endpoint)
        ```
    """


@hookspec
def routes_ready(app: Flasgo) -> None:
    """Look at the app once all of its routes are known.

    When:
        At the start-up, or with the first request, before pipelines are compiled; again when
        routes have been added later. `def` only. An error stops the start-up.

    Args:
        app: The app. Routes may still be added.

    Example:
        ```python
        @hookimpl
        def routes_ready(self, app):
            missing = [route.path for route in app.routes if not route.policies]
            if missing:
                raise PluginError(f"These routes have no policy: {missing}.", plugin="strict")
        ```
    """


@hookspec
def wrap_handler(
    route: Route, call: Callable[[Connection], Awaitable[object]]
) -> Callable[[Connection], Awaitable[object]] | None:
    """Wrap the call of a handler: to time, trace or cache it, or to run it in a transaction.

    When:
        Once per endpoint, WebSocket routes and mounts included, when pipelines are compiled: an
        endpoint that is not wrapped pays nothing. `def` only; what it returns is `async def`.
        The first implementation is the outermost. `when=` chooses endpoints.

    Args:
        route: The endpoint.
        call: `await call(request)` runs the handler with the arguments it asks for, and returns
            what the handler returned: not yet a Response. What it raises passes through.

    Returns:
        None to leave the handler as it is; an `async def` function to call in its place, with
        the request. It returns what a handler may return.

    Example:
        ```python
        @hookimpl
        def wrap_handler(self, route, call):
            async def timed(request):
                start = perf_counter()
                try:
                    return await call(request)
                finally:
                    self.seconds[route.endpoint] += perf_counter() - start

            return timed
        ```
    """


@hookspec
def app_startup(app: Flasgo) -> Awaitable[None] | None:
    """Open what the plugin needs while the app serves.

    When:
        In the ASGI lifespan start-up, before the app's own lifespan functions. `def` or
        `async def`. An error stops the start-up and rolls back what had started.

    Args:
        app: The app.

    Example:
        ```python
        @hookimpl
        async def app_startup(self, app):
            self.pool = await connect(app.settings.DATABASE_URL)
        ```
    """


@hookspec
def app_shutdown(app: Flasgo) -> Awaitable[None] | None:
    """Close what `app_startup` opened.

    When:
        In the ASGI lifespan shut-down, in the reverse order of the start-up. `def` or
        `async def`. Called only where the plugin's own `app_startup` did not fail.

    Args:
        app: The app.

    Example:
        ```python
        @hookimpl
        async def app_shutdown(self, app):
            await self.pool.close()
        ```
    """


@hookspec
def check_app(app: Flasgo, deploy: bool) -> Iterable[Finding] | None:
    """Report weaknesses of the app's configuration to `flasgo check`.

    When:
        On `flasgo check`. `def` only.

    Args:
        app: The app.
        deploy: True for `flasgo check --deploy`: judge the settings as production settings.

    Returns:
        Findings, or None for none.

    Example:
        ```python
        @hookimpl
        def check_app(self, app, deploy):
            if deploy and app.settings.GREETING == "hello":
                yield Finding("greeting.E001", "error", "The greeting is the default.", "Set it.")
        ```
    """


@hookspec
def report_tables(app: Flasgo) -> Iterable[ReportTable] | None:
    """Add tables to the report that `flasgo check --report` writes.

    When:
        On `flasgo check --report`, once the routes are compiled. `def` only.

    Args:
        app: The app.

    Returns:
        Tables, or None for none.

    Example:
        ```python
        @hookimpl
        def report_tables(self, app):
            rows = [(app.settings.GREETING, "everybody")]
            yield ReportTable("Greetings", "What visitors read.", ("Text", "Who"), rows)
        ```
    """


@hookspec
def cli_commands(cli: typer.Typer) -> None:
    """Add commands to the `flasgo` command line.

    When:
        When the command line starts and an app could be loaded. `def` only.

    Args:
        cli: The typer application.

    Example:
        ```python
        @hookimpl
        def cli_commands(self, cli):
            cli.command("greet")(greet)
        ```
    """


@hookspec
def openapi_document(app: Flasgo, document: dict[str, object]) -> None:
    """Add to the OpenAPI document in place.

    When:
        When the document is built. `def` only.

    Args:
        app: The app.
        document: The OpenAPI 3.1 document so far.

    Example:
        ```python
        @hookimpl
        def openapi_document(self, app, document):
            document["info"]["contact"] = {"name": "Support"}
        ```
    """


# --- Request hooks --------------------------------------------------------------------------


@hookspec
def request_started(request: Connection) -> Response | None:
    """See a request before any application code does.

    When:
        For every request and every WebSocket handshake, unmatched paths included. `def` (run
        on the event loop: it must not block) or `async def`.

    Args:
        request: The request. Its route is known; nothing of its body has been read.

    Returns:
        None to go on; a Response ends the request with it. Raise HTTPException to end it with
        a negotiated error that the app's error handlers can shape.

    Example:
        ```python
        @hookimpl
        def request_started(self, request):
            if request.path.endswith(".php"):
                return Response.text("no", status_code=404)
        ```
    """


@hookspec
def authorize(request: Connection) -> Response | None:
    """Decide whether the caller may use the endpoint.

    When:
        For every matched endpoint, after `before_request` and before `ratelimit_check`. Not for
        404, 405 and automatic OPTIONS answers, which reach no endpoint. `def` or `async def`.

    Args:
        request: The request.

    Returns:
        None to allow; a Response to deny. An exception denies with a 500, or with its own
        status when it is an HTTPException.

    Example:
        ```python
        @hookimpl(when=has_policy(Internal))
        async def authorize(self, request):
            if not request.is_internal:
                raise HTTPException(404)
        ```
    """


@hookspec
def ratelimit_check(request: Connection) -> Response | None:
    """Decide whether the caller has quota left for the endpoint.

    When:
        For every matched endpoint, after `authorize` and before the handler. `def` or
        `async def`.

    Args:
        request: The request.

    Returns:
        None to allow; a Response, with status 429, to refuse.

    Example:
        ```python
        @hookimpl(when=has_policy(Quota))
        async def ratelimit_check(self, request):
            if not await self.take(request.client_ip):
                raise HTTPException(429, headers={"retry-after": "60"})
        ```
    """


@hookspec
def error_response(request: Connection, error: Exception) -> Response | None:
    """Answer a request that has failed.

    When:
        For every error that no error handler of the app has answered: 404 and 405, denials that
        are raised as HTTPException, failures of the handler and of hooks. The first answer is
        taken; the pages of the plugin `error_pages` are the last implementation. `def` (run on
        the event loop: it must not block) or `async def`. An HTTPException raised here is what
        the implementations after it answer for; so is any other error, which is logged with the
        plugin's name.

    Args:
        request: The request, or the WebSocket connection whose handshake is refused. What a
            request with refused headers looks like is told at `response_finalize`.
        error: What was raised: an HTTPException, or an unexpected exception. Where a plugin's hook
            failed it is a HookError, and its `__cause__` is what the hook raised.

    Returns:
        None to leave the answer to the next implementation; a Response to send it. Give it the
        error's status, and the headers of an HTTPException.

    Example:
        ```python
        @hookimpl
        def error_response(self, request, error):
            if isinstance(error, HTTPException) and request.path.startswith("/api/"):
                return Response.json(
                    {"message": error.detail}, error.status_code, headers=error.headers
                )
        ```
    """


@hookspec
def response_finalize(request: Connection, response: Response) -> Response | None:
    """Give the response its last touch before the first byte leaves.

    When:
        For every response: errors, denials, 404 and 405 included. `def` or `async def`.
        A request whose headers are refused (400, 431) comes here without any, and without having
        been to `request_started`; `request.scope["flasgo.head_fault"]` is the HTTPException.

    Args:
        request: The request.
        response: The response as it stands; its headers may be changed in place.

    Returns:
        None to keep the response; a Response to replace it for the hooks that follow.

    Example:
        ```python
        @hookimpl
        def response_finalize(self, request, response):
            response.headers["x-served-by"] = "flasgo"
        ```
    """


@hookspec
def request_finished(
    request: Connection, response: Response | None, error: Exception | None
) -> None:
    """Take note of a request that is over.

    When:
        After the last byte, or after the client left. `def` or `async def`. An error here is
        logged and changes nothing.

    Args:
        request: The request.
        response: What was sent, or None when nothing could be.
        error: The unhandled exception that the answer reports, or None.

    Example:
        ```python
        @hookimpl
        def request_finished(self, request, response, error):
            self.requests_total += 1
        ```
    """


@hookspec
def websocket_accepted(websocket: WebSocket) -> None:
    """Take note of a WebSocket connection that was accepted.

    When:
        As soon as the handshake has been accepted. `def` (run on the event loop: it must not
        block) or `async def`. An error here is logged and changes nothing. Not for mounted apps.

    Args:
        websocket: The connection.

    Example:
        ```python
        @hookimpl
        def websocket_accepted(self, websocket):
            self.open_connections += 1
        ```
    """


@hookspec
def websocket_closed(websocket: WebSocket, code: int) -> None:
    """Take note of a WebSocket connection that is over.

    When:
        Once for every connection that was accepted, before `request_finished`. `def` or
        `async def`. An error here is logged and changes nothing. Not for mounted apps.

    Args:
        websocket: The connection.
        code: The close code (RFC 6455, section 7.4): the client's, or the one that the app has
            closed it with; 1006 where there was none.

    Example:
        ```python
        @hookimpl
        def websocket_closed(self, websocket, code):
            self.open_connections -= 1
        ```
    """


@hookspec
def background_task_started(request: Connection, task: str) -> None:
    """Take note of a background task that begins.

    When:
        Before each background task of a response. `def` (run on the event loop: it must not
        block) or `async def`. An error here is logged and changes nothing.

    Args:
        request: The request or WebSocket connection whose task it is.
        task: The name of the task's function, with its module.

    Example:
        ```python
        @hookimpl
        def background_task_started(self, request, task):
            self.running += 1
        ```
    """


@hookspec
def background_task_finished(request: Connection, task: str, error: BaseException | None) -> None:
    """Take note of a background task that has ended, or failed.

    When:
        After each background task that was not cancelled at shut-down. `def` or `async def`. An
        error here is logged and changes nothing.

    Args:
        request: The request or WebSocket connection whose task it was.
        task: The name of the task's function, with its module.
        error: What it raised, which has been logged; None where it ended well.

    Example:
        ```python
        @hookimpl
        def background_task_finished(self, request, task, error):
            self.failed += error is not None
        ```
    """


SETUP_HOOKS = (
    "plugin_setup",
    "app_created",
    "route_added",
    "routes_ready",
    "wrap_handler",
    "app_startup",
    "app_shutdown",
    "check_app",
    "report_tables",
    "cli_commands",
    "openapi_document",
)
REQUEST_HOOKS = (
    "request_started",
    "authorize",
    "ratelimit_check",
    "error_response",
    "response_finalize",
    "websocket_accepted",
    "websocket_closed",
    "request_finished",
    "background_task_started",
    "background_task_finished",
)
