"""The port of Flask's tutorial application: the same checks hold before and after it."""

from __future__ import annotations

import difflib
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx2
import pytest

HERE = Path(__file__).resolve().parents[2] / "examples" / "journal"
USERS = (("ann", "a long password"), ("bob", "another password"))
HASHES: dict[bool, list[tuple[str, str]]] = {}
KEY = "journal-tests-only-0123456789abcdef"


class Journal:
    """One of the two applications, and a client that keeps cookies."""

    def __init__(self, which: str, database: Path) -> None:
        self.is_after = which == "after"
        self.database = database
        self.module = import_module("journal")
        self.db = import_module("journal.db")
        options = {"DATABASE": str(database), "SECRET_KEY": KEY}
        self.app: Any = self.module.create_app(
            options if self.is_after else options | {"TESTING": True}
        )
        self.client: Any = (
            self.app.test_client()
            if self.is_after
            else httpx2.Client(
                transport=httpx2.WSGITransport(app=self.app), base_url="http://localhost"
            )
        )

    def rows(self, query: str, *values: object) -> list[Any]:
        with closing(sqlite3.connect(self.database)) as connection, connection:
            return connection.execute(query, values).fetchall()

    def run(self, sql: str) -> None:
        with closing(sqlite3.connect(self.database)) as connection, connection:
            connection.executescript(sql)

    def login(self, name: str = "ann", password: str = "a long password") -> httpx2.Response:
        return self.client.post("/auth/login", data={"username": name, "password": password})


@pytest.fixture(params=["before", "after"])
def journal(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Journal]:
    monkeypatch.syspath_prepend(HERE / request.param)
    for name in [name for name in sys.modules if name.partition(".")[0] == "journal"]:
        monkeypatch.delitem(sys.modules, name)
    journal = Journal(request.param, tmp_path / "journal.sqlite")
    with journal.app.app_context():
        journal.db.init_db()
    yield journal
    journal.client.close()
    for name in [name for name in sys.modules if name.partition(".")[0] == "journal"]:
        sys.modules.pop(name)


@pytest.fixture
def two(journal: Journal) -> Journal:
    """Two accounts, and a post of the first one."""
    if journal.is_after not in HASHES:  # each takes a while
        make = import_module("journal.auth").generate_password_hash
        HASHES[journal.is_after] = [(name, make(password)) for name, password in USERS]
    for name, hashed in HASHES[journal.is_after]:
        journal.run(f"INSERT INTO user (username, password) VALUES ('{name}', '{hashed}')")
    journal.run(
        "INSERT INTO post (title, body, author_id, created) VALUES "
        "('first title', 'first' || x'0a' || 'body', 1, '2018-01-01 00:00:00')"
    )
    return journal


# --- The factory and the database -----------------------------------------------------------


def test_the_factory_takes_settings(journal: Journal) -> None:
    assert journal.app.config["DATABASE"] == str(journal.database)
    assert journal.client.get("/ping").text == "pong"


def test_a_context_has_one_connection_and_closes_it(journal: Journal) -> None:
    with journal.app.app_context():
        connection = journal.db.get_db()
        assert connection is journal.db.get_db()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


def test_the_command_makes_the_tables(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    if journal.is_after:
        result = journal.app.test_cli_runner().invoke(args=["init-db"])
        assert result.output == "The database is ready.\n", result.exception
    called: list[bool] = []
    monkeypatch.setattr(journal.db, "init_db", lambda: called.append(True))
    result = journal.app.test_cli_runner().invoke(args=["init-db"])
    assert "ready" in result.output
    assert called == [True]


# --- Accounts -------------------------------------------------------------------------------


def test_register(journal: Journal) -> None:
    assert journal.client.get("/auth/register").status_code == 200
    answer = journal.client.post("/auth/register", data={"username": "a", "password": "b"})
    assert answer.headers["location"] == "/auth/login"
    assert journal.rows("SELECT 1 FROM user WHERE username = 'a'")


@pytest.mark.parametrize(
    ("name", "password", "message"),
    [("", "", "A name is needed."), ("a", "", "A password is"), ("ann", "x", "is taken")],
)
def test_register_says_what_is_wrong(two: Journal, name: str, password: str, message: str) -> None:
    answer = two.client.post("/auth/register", data={"username": name, "password": password})
    assert message in answer.text


def test_login(two: Journal) -> None:
    assert two.client.get("/auth/login").status_code == 200
    answer = two.login()
    assert answer.headers["location"] == "/"
    assert "<span>ann</span>" in two.client.get("/").text


@pytest.mark.parametrize(
    ("name", "password", "message"),
    [("nobody", "x", "There is no such name."), ("ann", "x", "The password is wrong.")],
)
def test_login_says_what_is_wrong(two: Journal, name: str, password: str, message: str) -> None:
    assert message in two.login(name, password).text


def test_logout(two: Journal) -> None:
    two.login()
    assert two.client.get("/auth/logout").headers["location"] == "/"
    assert "Log in" in two.client.get("/").text


# --- Posts ----------------------------------------------------------------------------------


def test_the_first_page(two: Journal) -> None:
    text = two.client.get("/").text
    assert "Log in" in text
    assert "Register" in text
    two.login()
    text = two.client.get("/").text
    for part in ("Log out", "first title", "by ann on 2018-01-01", "first\nbody", "/1/update"):
        assert part in text


@pytest.mark.parametrize("path", ["/create", "/1/update", "/1/delete"])
def test_who_writes_has_logged_in(two: Journal, path: str) -> None:
    assert two.client.post(path, data={}).headers["location"] == "/auth/login"


def test_only_the_author_changes_a_post(two: Journal) -> None:
    two.run("UPDATE post SET author_id = 2")
    two.login()
    assert two.client.post("/1/update", data={"title": "x", "body": ""}).status_code == 403
    assert two.client.post("/1/delete").status_code == 403
    assert "/1/update" not in two.client.get("/").text


@pytest.mark.parametrize("path", ["/2/update", "/2/delete"])
def test_a_post_has_to_be_there(two: Journal, path: str) -> None:
    two.login()
    assert two.client.post(path, data={}).status_code == 404


def test_create(two: Journal) -> None:
    two.login()
    assert two.client.get("/create").status_code == 200
    two.client.post("/create", data={"title": "made", "body": ""})
    assert two.rows("SELECT count(*) FROM post") == [(2,)]


def test_update(two: Journal) -> None:
    two.login()
    assert "first title" in two.client.get("/1/update").text
    two.client.post("/1/update", data={"title": "changed", "body": ""})
    assert two.rows("SELECT title FROM post WHERE id = 1") == [("changed",)]


@pytest.mark.parametrize("path", ["/create", "/1/update"])
def test_a_post_has_a_title(two: Journal, path: str) -> None:
    two.login()
    assert "A title is needed." in two.client.post(path, data={"title": "", "body": ""}).text


def test_delete(two: Journal) -> None:
    two.login()
    assert two.client.post("/1/delete").headers["location"] == "/"
    assert two.rows("SELECT * FROM post WHERE id = 1") == []


# --- The figures ----------------------------------------------------------------------------


def changed_lines(before: Path, after: Path) -> tuple[int, int]:
    """Return how many lines a file had, and how many of them were changed or taken away."""
    old, new = (path.read_text(encoding="utf-8").splitlines() for path in (before, after))
    matching = difflib.SequenceMatcher(None, old, new, autojunk=False)
    changed = sum(
        max(i2 - i1, j2 - j1) if tag == "replace" else (i2 - i1) + (j2 - j1)
        for tag, i1, i2, j1, j2 in matching.get_opcodes()
        if tag != "equal"
    )
    return len(old), changed


def figures() -> str:
    before, after = HERE / "before" / "journal", HERE / "after" / "journal"
    lines, total = [], [0, 0]
    files = [path for path in sorted(before.rglob("*")) if path.is_file()]
    for path in files:
        if path.suffix not in {".py", ".html", ".sql", ".css"}:
            continue
        name = path.relative_to(before)
        size, changed = changed_lines(path, after / name)
        total = [total[0] + size, total[1] + changed]
        lines.append(f"| `{name}` | {size} | {changed} |")
    share = round(100 * total[1] / total[0])
    return "\n".join([*lines, f"| all of it | {total[0]} | {total[1]}, {share} % |"])


def test_the_figures_of_the_page_are_those_of_the_files() -> None:
    assert figures() in (HERE / "README.md").read_text(encoding="utf-8"), figures()
