import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from flasgo import current_app


@dataclass
class Entry:
    id: int
    name: str
    text: str


class Book:
    def __init__(self, file: str) -> None:
        self.file = file

    @contextmanager
    def connect(self) -> Generator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.file, timeout=10)) as connection:
            connection.row_factory = sqlite3.Row
            with connection:  # commits at the end, rolls back after an error
                yield connection

    def create(self) -> None:
        with self.connect() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS entry"
                " (id INTEGER PRIMARY KEY, name TEXT NOT NULL, text TEXT NOT NULL) STRICT"
            )

    def entries(self) -> list[Entry]:
        with self.connect() as connection:
            rows = connection.execute("SELECT id, name, text FROM entry ORDER BY id DESC LIMIT 100")
            return [Entry(**row) for row in rows]

    def add(self, name: str, text: str) -> None:
        with self.connect() as connection:
            connection.execute("INSERT INTO entry (name, text) VALUES (?, ?)", (name, text))

    def remove(self, number: int) -> bool:
        with self.connect() as connection:
            done = connection.execute("DELETE FROM entry WHERE id = ?", (number,))
            return done.rowcount == 1


def current_book() -> Book:
    return current_app.state.book
