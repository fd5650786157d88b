"""The tables, and a connection for each request."""

import sqlite3
from collections.abc import Iterator
from typing import Annotated

from flasgo import Depends, Flasgo

TABLES = """
CREATE TABLE IF NOT EXISTS user (
  id INTEGER PRIMARY KEY, email TEXT UNIQUE NOT NULL, username TEXT UNIQUE NOT NULL,
  password TEXT NOT NULL, bio TEXT NOT NULL DEFAULT '', image TEXT
);
CREATE TABLE IF NOT EXISTS follow (
  follower INTEGER REFERENCES user (id), followed INTEGER REFERENCES user (id),
  PRIMARY KEY (follower, followed)
);
CREATE TABLE IF NOT EXISTS article (
  id INTEGER PRIMARY KEY, slug TEXT UNIQUE NOT NULL, title TEXT NOT NULL,
  description TEXT NOT NULL, body TEXT NOT NULL, author INTEGER NOT NULL REFERENCES user (id),
  created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')),
  updated TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ'))
);
CREATE TABLE IF NOT EXISTS tag (
  article INTEGER REFERENCES article (id) ON DELETE CASCADE, name TEXT,
  PRIMARY KEY (article, name)
);
CREATE TABLE IF NOT EXISTS favorite (
  article INTEGER REFERENCES article (id) ON DELETE CASCADE, user INTEGER REFERENCES user (id),
  PRIMARY KEY (article, user)
);
CREATE TABLE IF NOT EXISTS comment (
  id INTEGER PRIMARY KEY, article INTEGER REFERENCES article (id) ON DELETE CASCADE,
  author INTEGER NOT NULL REFERENCES user (id), body TEXT NOT NULL,
  created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ'))
);
"""


def open_database(path: str) -> sqlite3.Connection:
    """Open the database, and make its tables where they are missing."""
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys = ON")
    connection.executescript(TABLES)
    return connection


def connect(app: Flasgo) -> Iterator[sqlite3.Connection]:
    """Give a request its connection: committed where the handler succeeds."""
    connection = open_database(app.settings.read("DATABASE", str))
    try:
        with connection:
            yield connection
    finally:
        connection.close()


Database = Annotated[sqlite3.Connection, Depends(connect)]
