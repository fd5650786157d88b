"""The database of one app: its engine, its sessions, its tables."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from flasgo.plugin import PluginError
from sqlalchemy import MetaData, event, inspect, text
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    AsyncTransaction,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import ConnectionPoolEntry

from flasgo_sqlalchemy.urls import async_url

__all__ = ["Database"]

_POOL = ("pool_", "max_overflow")


class Database:
    """The database of one app.

    Its engine belongs to an event loop: it is made when it is first used there, and closed when
    the app stops.

    Args:
        url: The value of `DATABASE_URL`; empty for none.
        metadata: The tables; None for those of all declarative bases.
        options: Keywords of `create_async_engine`. `Any`: whatever SQLAlchemy takes.
    """

    def __init__(
        self, url: str, metadata: Sequence[MetaData] | None, options: Mapping[str, Any]
    ) -> None:
        self._url = url
        self._metadata = metadata
        self._options = options
        self._engine: AsyncEngine | None = None
        self._is_rolled_back = False
        self._outer: tuple[AsyncConnection, AsyncTransaction] | None = None
        # What a session reads stays readable after the commit: an async one cannot load it then.
        self._sessions = async_sessionmaker(expire_on_commit=False)

    @property
    def is_configured(self) -> bool:
        """Whether there is a URL."""
        return bool(self._url)

    @property
    def engine(self) -> AsyncEngine:
        """The engine.

        Raises:
            PluginError: When there is no `DATABASE_URL`.
        """
        if self._engine is None:
            if not self._url:
                raise PluginError(
                    "There is no database: DATABASE_URL is empty. Set FLASGO_DATABASE_URL, such as "
                    "to sqlite:///shop.db.",
                    plugin="sqlalchemy",
                )
            self._engine = _engine(async_url(self._url), self._options)
            self._sessions.configure(bind=self._engine)
        return self._engine

    @property
    def metadata(self) -> Sequence[MetaData]:
        """The tables: those of `Flasgo(database_metadata=...)`, or of all declarative bases."""
        if self._metadata is not None:
            return self._metadata
        return list({id(base.metadata): base.metadata for base in _bases()}.values())

    async def session(self) -> AsyncSession:
        """Return a new session, to be closed by the caller; see `begin`."""
        engine = self.engine
        if not self._is_rolled_back:
            return self._sessions()
        if self._outer is None:
            connection = await engine.connect()
            self._outer = connection, await connection.begin()
        return self._sessions(bind=self._outer[0], join_transaction_mode="create_savepoint")

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        """Open a session that is committed in the end, or rolled back when the block raises."""
        async with await self.session() as session, session.begin():
            yield session

    async def create_all(self) -> None:
        """Create the tables that are missing."""
        for metadata in self.metadata:
            await self._run(metadata.create_all)

    async def drop_all(self) -> None:
        """Drop the tables, and all that is in them."""
        for metadata in reversed(self.metadata):
            await self._run(metadata.drop_all)

    async def tables(self) -> dict[str, bool]:
        """Return whether each table is there, by its name."""

        def look(connection: Connection) -> dict[str, bool]:
            found = inspect(connection)
            return {
                table.fullname: found.has_table(table.name, schema=table.schema)
                for metadata in self.metadata
                for table in metadata.sorted_tables
            }

        async with self.engine.connect() as connection:
            return await connection.run_sync(look)

    async def revision(self) -> str | None:
        """Return the revision that Alembic has brought the tables to, or None without Alembic."""
        async with self.engine.connect() as connection:
            if not await connection.run_sync(lambda c: inspect(c).has_table("alembic_version")):
                return None
            found = await connection.scalar(text("SELECT version_num FROM alembic_version"))
            return None if found is None else str(found)

    async def ping(self) -> None:
        """Ask the database for nothing, to see whether it answers."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    @contextmanager
    def rolled_back(self) -> Iterator[None]:
        """Keep nothing of what is written in the block, commits included; for tests.

        One connection with one transaction serves all sessions. It is rolled back when the app
        stops, for it belongs to the app's event loop.
        """
        self._is_rolled_back = True
        try:
            yield
        finally:
            self._is_rolled_back = False

    async def close(self) -> None:
        """Close all connections. The next use opens new ones."""
        outer, self._outer = self._outer, None
        engine, self._engine = self._engine, None
        if outer is not None:
            connection, transaction = outer
            await transaction.rollback()
            await connection.close()
        if engine is not None:
            await engine.dispose()

    async def _run(self, change: Any) -> None:
        """Run a change of tables. `Any`: `create_all` and `drop_all`, which take more."""
        if self._is_rolled_back:
            async with await self.session() as session:
                await (await session.connection()).run_sync(change)
                await session.commit()
            return
        async with self.engine.begin() as connection:
            await connection.run_sync(change)


def _bases() -> list[type[DeclarativeBase]]:
    return [base for base in DeclarativeBase.__subclasses__() if hasattr(base, "metadata")]


# `Any`: the options of `create_async_engine`.
def _engine(url: Any, options: Mapping[str, Any]) -> AsyncEngine:
    is_sqlite = url.get_backend_name() == "sqlite"
    # A file needs no pool of connections.
    kept = {k: v for k, v in options.items() if not is_sqlite or not k.startswith(_POOL)}
    engine = create_async_engine(url, **kept)
    if is_sqlite:
        # Python's driver begins no transaction before a savepoint or a change of tables.
        event.listen(engine.sync_engine, "connect", _leave_transactions_to_us)
        event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _leave_transactions_to_us(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
