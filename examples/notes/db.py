"""The database: connections, and the steps that bring its tables up to date."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

__all__ = ["MIGRATIONS", "Database", "like_pattern"]

# Each entry takes the database from one version to the next. Add to the end, change nothing above.
MIGRATIONS = (
    """
    CREATE TABLE account (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE COLLATE NOCASE,
        password_hash TEXT NOT NULL,
        created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
    ) STRICT;
    CREATE TABLE note (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        owner_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        title TEXT NOT NULL,
        body TEXT NOT NULL,
        picture TEXT,
        picture_type TEXT,
        created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
    ) STRICT;
    CREATE INDEX note_by_owner ON note (owner_id, id);
    """,
    """
    ALTER TABLE account ADD COLUMN email TEXT COLLATE NOCASE;
    ALTER TABLE account ADD COLUMN email_confirmed INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE account ADD COLUMN password_changes INTEGER NOT NULL DEFAULT 0;
    CREATE UNIQUE INDEX account_by_email ON account (email) WHERE email_confirmed;
    """,
)


class Database:
    """An SQLite file.

    Every use opens a connection of its own and closes it: that takes a fraction of a millisecond,
    and no connection is ever shared between threads or left open.

    Args:
        path: The file; its folder is made when it is missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def connect(self) -> Generator[sqlite3.Connection]:
        """Open a connection for one transaction: committed at the end, rolled back by an error."""
        # Seconds to wait while another connection writes.
        with closing(sqlite3.connect(self.path, timeout=10)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA foreign_keys = ON")
            with connection:
                yield connection

    def migrate(self) -> None:
        """Make the file, or bring it up to date."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.path, timeout=10, isolation_level=None)) as connection:
            # Readers do not wait for a writer, nor it for them. The file remembers this.
            connection.execute("PRAGMA journal_mode = WAL")
            while self._migrate_once(connection):
                pass

    def _migrate_once(self, connection: sqlite3.Connection) -> bool:
        # IMMEDIATE takes the lock first: several workers start at once, one of them migrates.
        connection.execute("BEGIN IMMEDIATE")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version >= len(MIGRATIONS):
            connection.execute("ROLLBACK")
            return False
        for statement in MIGRATIONS[version].split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {version + 1:d}")
        connection.execute("COMMIT")
        return True


def like_pattern(text: str) -> str:
    """Return the pattern for `LIKE ? ESCAPE '!'` that finds a text as it stands."""
    for special in "!%_":
        text = text.replace(special, f"!{special}")
    return f"%{text}%"
