"""The typed base class of plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    import typer

    from flasgo.app import Flasgo
    from flasgo.plugins.checks import Finding
    from flasgo.plugins.registry import Registry
    from flasgo.plugins.reports import ReportTable
    from flasgo.requests.connection import Connection
    from flasgo.responses.response import Response
    from flasgo.routing import Route
    from flasgo.websocket import WebSocket

    Answer: TypeAlias = Awaitable[Response | None] | Response | None

__all__ = ["Plugin"]


class Plugin:
    """A base class for plugins and their components, for the sake of type checkers.

    They compare each hook with its specification: a misspelt argument, a wrong type or a wrong
    answer is found before the app runs. At run time the class is empty: a hook is called where it
    is defined with `@hookimpl`, and plugins that do not derive from it work the same.

    ```python
    from flasgo import Connection, Response
    from flasgo.plugin import Plugin, Registry, hookimpl

    class HelloPlugin(Plugin):
        @hookimpl
        def plugin_setup(self, registry: Registry) -> None:
            registry.setting("GREETING", str, default="hello", help="What to say.")

        @hookimpl
        async def request_started(self, request: Connection) -> Response | None:
            return None
    ```

    Attributes:
        hook_level: The level of the hooks that the plugin was written for, see `CONTRACT_LEVEL`.
    """

    hook_level: ClassVar[int] = 1

    if TYPE_CHECKING:
        # What each hook is for, and when it is called: flasgo.hookspecs. A test compares the two.

        def plugin_setup(self, registry: Registry) -> None: ...
        def app_created(self, app: Flasgo) -> None: ...
        def route_added(self, app: Flasgo, route: Route) -> None: ...
        def routes_ready(self, app: Flasgo) -> None: ...
        def wrap_handler(
            self, route: Route, call: Callable[[Connection], Awaitable[object]]
        ) -> Callable[[Connection], Awaitable[object]] | None: ...
        def app_startup(self, app: Flasgo) -> Awaitable[None] | None: ...
        def app_shutdown(self, app: Flasgo) -> Awaitable[None] | None: ...
        def check_app(self, app: Flasgo, deploy: bool) -> Iterable[Finding] | None: ...
        def report_tables(self, app: Flasgo) -> Iterable[ReportTable] | None: ...
        def cli_commands(self, cli: typer.Typer) -> None: ...
        def openapi_document(self, app: Flasgo, document: dict[str, object]) -> None: ...
        def request_started(self, request: Connection) -> Answer: ...
        def authorize(self, request: Connection) -> Answer: ...
        def ratelimit_check(self, request: Connection) -> Answer: ...
        def error_response(self, request: Connection, error: Exception) -> Answer: ...
        def response_finalize(self, request: Connection, response: Response) -> Answer: ...
        def websocket_accepted(self, websocket: WebSocket) -> Awaitable[None] | None: ...
        def websocket_closed(self, websocket: WebSocket, code: int) -> Awaitable[None] | None: ...
        def request_finished(
            self, request: Connection, response: Response | None, error: Exception | None
        ) -> Awaitable[None] | None: ...
        def background_task_started(
            self, request: Connection, task: str
        ) -> Awaitable[None] | None: ...
        def background_task_finished(
            self, request: Connection, task: str, error: BaseException | None
        ) -> Awaitable[None] | None: ...
