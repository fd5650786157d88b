"""`flasgo db`: the commands for tables."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

from flasgo.plugin import PluginError
from sqlalchemy.exc import SQLAlchemyError

from flasgo_sqlalchemy.database import Database

if TYPE_CHECKING:
    import typer

__all__ = ["commands"]

T = TypeVar("T")


def commands(database: Database) -> "typer.Typer":
    """Return the commands for the tables of a database.

    Args:
        database: The database.
    """
    # PERF: an app that serves does not import the library of its command line.
    import typer

    group = typer.Typer(
        help="Create, drop and look at the tables of the app.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )

    @group.command("create-all")
    def create_all() -> None:
        """Create the tables that are missing; those that are there stay as they are."""
        _run(database, database.create_all)
        print("The tables are there.")

    @group.command("drop-all")
    def drop_all(
        yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    ) -> None:
        """Drop the tables of the app, with all that is in them."""
        names = _run(database, database.tables)
        there = [name for name, is_there in names.items() if is_there]
        if not there:
            print("There are no tables.")
            return
        if not yes:
            typer.confirm(f"Drop {', '.join(there)} and all that is in them?", abort=True)
        _run(database, database.drop_all)
        print("The tables are gone.")

    @group.command("current")
    def current() -> None:
        """Show which tables are there, and Alembic's revision; 1 when one is missing."""
        names = _run(database, database.tables)
        revision = _run(database, database.revision)
        width = max(map(len, names), default=0)
        for name, is_there in names.items():
            print(f"{name:<{width}}  {'there' if is_there else 'missing'}")
        if revision is not None:
            print(f"Alembic revision: {revision}")
        if not names:
            print("The app has no tables: no declarative base has been imported.")
        if not all(names.values()):
            raise typer.Exit(1)

    return group


def _run(database: Database, function: Callable[[], Awaitable[T]]) -> T:
    async def run() -> T:
        try:
            return await function()
        finally:
            await database.close()

    try:
        return asyncio.run(run())
    except (PluginError, SQLAlchemyError) as error:
        import typer

        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
