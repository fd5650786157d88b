"""The database: one connection for each request or command."""

import sqlite3

import click
from flask import current_app, g


def get_db():
    """Return the connection, opened when it is first asked for."""
    if "db" not in g:
        g.db = sqlite3.connect(current_app.config["DATABASE"])
        g.db.row_factory = sqlite3.Row
    return g.db


def close_db(error=None):
    """Close the connection, if there is one."""
    db = g.pop("db", None)
    if db is not None:
        db.close()


def init_db():
    """Make the tables anew."""
    db = get_db()
    with current_app.open_resource("schema.sql") as file:
        db.executescript(file.read().decode("utf8"))


@click.command("init-db")
def init_db_command():
    """Drop what there is, and make the tables."""
    init_db()
    click.echo("The database is ready.")


def init_app(app):
    """Register the functions of this module with an app."""
    app.teardown_appcontext(close_db)
    app.cli.add_command(init_db_command)
