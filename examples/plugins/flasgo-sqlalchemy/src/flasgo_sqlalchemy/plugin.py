"""The plugin: what it declares, and its hooks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from flasgo import Connection, Flasgo, HTTPException, Registry, Request, Response, Route, hookimpl
from flasgo.plugin import Finding, Plugin, PluginError
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase

from flasgo_sqlalchemy.commands import commands
from flasgo_sqlalchemy.database import Database
from flasgo_sqlalchemy.urls import async_url, url_fault

if TYPE_CHECKING:
    import typer

__all__ = ["SQLAlchemyPlugin", "database_of"]


class SQLAlchemyPlugin(Plugin):
    """Gives handlers an `AsyncSession`, and commits it where the answer is no error."""

    name = "sqlalchemy"

    _app: Flasgo
    _database: Database

    def __init__(self) -> None:
        self._needs_database = False
        # One for each app: a mounted app may get the scope of the app around it.
        self._key = f"flasgo_sqlalchemy.session.{id(self)}"

    @hookimpl
    def plugin_setup(self, registry: Registry) -> None:
        """Declare settings, the option, `app.database`, and the types that handlers may ask for."""
        registry.setting(
            "DATABASE_URL",
            str,
            default="",
            secret=True,
            check=url_fault,
            help="The database: sqlite:///shop.db, postgresql://user:password@host/name.",
        )
        registry.setting(
            "DATABASE_ECHO",
            bool,
            default=False,
            help="Log each statement that is sent, with its values.",
        )
        registry.setting(
            "DATABASE_POOL_SIZE",
            int,
            default=5,
            check=_count_fault,
            help="The connections that each worker process keeps open. Not for SQLite.",
        )
        registry.setting(
            "DATABASE_MAX_OVERFLOW",
            int,
            default=10,
            check=_count_fault,
            help="How many more connections a worker opens when these are in use. Not for SQLite.",
        )
        registry.setting(
            "DATABASE_POOL_TIMEOUT",
            float,
            default=10.0,
            check=_count_fault,
            help="How long a request waits for a connection, in seconds. Not for SQLite.",
        )
        registry.option(
            "database_metadata",
            help="The declarative base or MetaData whose tables `flasgo db` creates.",
        )
        registry.app_property("database", self._get_database)
        registry.provides(AsyncSession, self.provide_session)
        registry.provides(Database, self._get_database, blocking=False)

    @hookimpl
    def app_created(self, app: Flasgo) -> None:
        """Make the database, which connects when it is first used."""
        self._app = app
        read = app.settings.read
        self._database = Database(
            read("DATABASE_URL", str),
            _metadata_of(app.options["database_metadata"]),
            {
                "echo": read("DATABASE_ECHO", bool),
                "pool_size": read("DATABASE_POOL_SIZE", int),
                "max_overflow": read("DATABASE_MAX_OVERFLOW", int),
                "pool_timeout": read("DATABASE_POOL_TIMEOUT", float),
                "pool_pre_ping": True,
                # SECURITY: else what was stored stands in the log of each statement that fails.
                "hide_parameters": not read("DATABASE_ECHO", bool),
            },
        )

    @hookimpl
    def route_added(self, app: Flasgo, route: Route) -> None:
        """Refuse WebSockets that ask for a session, and note that a database is needed."""
        if not _has_session(route):
            return
        if route.is_websocket:
            raise PluginError(
                f"The WebSocket route {route.path!r} asks for an AsyncSession, which is committed "
                "with the answer to a request. Ask for a Database, and write `async with "
                "database.begin() as session:` for each transaction.",
                plugin=self.name,
            )
        self._needs_database = True

    @hookimpl
    async def app_startup(self, app: Flasgo) -> None:
        """Make the engine: a missing driver is found before there are requests.

        Raises:
            PluginError: When handlers ask for sessions and there is no `DATABASE_URL`.
        """
        if self._needs_database or self._database.is_configured:
            _ = self._database.engine

    @hookimpl
    async def app_shutdown(self, app: Flasgo) -> None:
        """Close all connections."""
        await self._database.close()

    async def provide_session(self, request: Request) -> AsyncIterator[AsyncSession]:
        """Open the session of a request. What fails is rolled back before it is answered."""
        async with await self._database.session() as session:
            request.scope[self._key] = session
            try:
                yield session
            except HTTPException as error:
                answer = error.response  # of `abort(redirect("/items"))`
                if answer is not None and answer.status_code < 400:
                    await session.commit()
                raise
            finally:
                # From here on nothing commits it: what is left is rolled back.
                request.scope.pop(self._key, None)

    @property
    def database(self) -> Database:
        """The database of the app."""
        return self._database

    def _get_database(self) -> Database:
        """Return the database of the app, for commands, tasks, WebSockets and tests."""
        return self._database

    # PERF: routes without a session have no such step.
    @hookimpl(trylast=True, when=lambda route: _has_session(route))
    async def response_finalize(self, request: Connection, response: Response) -> None:
        """Commit, before the head is sent: when that fails, the answer is a 500.

        It is the last of the finalizers, so that nothing fails after it.
        """
        session: AsyncSession | None = request.scope.get(self._key)
        if session is None or not session.in_transaction():
            return
        if response.status_code < 400:
            await session.commit()
        else:
            await session.rollback()

    @hookimpl(optionalhook=True)
    async def health_check(self, app: Flasgo) -> str | None:
        """Report whether the database answers."""
        if not self._database.is_configured:
            return None
        try:
            await self._database.ping()
        except Exception as error:  # noqa: BLE001 - drivers raise what they like
            # SECURITY: a driver's message may have the address and the user in it.
            return f"the database does not answer ({type(error).__name__})"
        return None

    @hookimpl
    def check_app(self, app: Flasgo, deploy: bool) -> Iterator[Finding]:
        """Report a database that is missing, or that forgets."""
        if not self._database.is_configured:
            if self._needs_database:
                yield Finding(
                    "sqlalchemy.E001",
                    "error",
                    "Handlers ask for an AsyncSession, and DATABASE_URL is empty.",
                    "Set FLASGO_DATABASE_URL.",
                )
            return
        url = async_url(app.settings.read("DATABASE_URL", str))
        if deploy and url.get_backend_name() == "sqlite" and url.database in {None, "", ":memory:"}:
            yield Finding(
                "sqlalchemy.W001",
                "warning",
                "DATABASE_URL is a database in memory: each worker has its own, and all is lost "
                "when it ends.",
                "Name a file or a server.",
            )

    @hookimpl
    def cli_commands(self, cli: typer.Typer) -> None:
        """Add `flasgo db`."""
        cli.add_typer(commands(self._database), name="db")


def database_of(app: Flasgo) -> Database:
    """Return the database of an app: `app.database`, which type checkers do not know.

    Args:
        app: An app with this plugin.
    """
    found: Database = app.plugins.instance("sqlalchemy").database
    return found


def _has_session(route: Route) -> bool:
    """Whether the handler of a route, or a dependency, asks for a session."""
    asked = () if route.plan is None else route.plan.dependencies
    return any(
        getattr(each, "__func__", each) is SQLAlchemyPlugin.provide_session for each in asked
    )


# `Any`: whatever `Flasgo(database_metadata=...)` was given.
def _metadata_of(given: Any) -> list[MetaData] | None:
    if given is None:
        return None
    found = []
    for each in given if isinstance(given, list | tuple) else [given]:
        if isinstance(each, type) and issubclass(each, DeclarativeBase):
            found.append(each.metadata)
        elif isinstance(each, MetaData):
            found.append(each)
        else:
            raise PluginError(
                f"Flasgo(database_metadata=...) was given {each!r}. Give it a declarative base, a "
                "MetaData, or a list of them.",
                plugin="sqlalchemy",
            )
    return found


def _count_fault(value: object) -> str | None:
    return None if isinstance(value, int | float) and value >= 0 else "it is a number from 0"
