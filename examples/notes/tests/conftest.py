"""The application on an empty folder, and clients for the people who use it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from flasgo import Flasgo, User
from flasgo_auth import hash_password, write_login
from flasgo_testing import TestClient

from ..app import create_app

PASSWORD = "correct horse battery"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 64

People = Callable[..., TestClient]


@pytest.fixture
def app(tmp_path: Path) -> Flasgo:
    """The application."""
    return create_app({"NOTES_DATA": str(tmp_path / "data"), "SECRET_KEY": "tests" + "0123" * 9})


@pytest.fixture(scope="session")
def password_hash() -> str:
    """The hash of PASSWORD, made once: each takes its time by design."""
    return asyncio.run(hash_password(PASSWORD))


@pytest.fixture
def person(app: Flasgo, password_hash: str) -> Iterator[People]:
    """Make clients: strangers, or people who are logged in under a name.

    They do not pretend to be a browser: forms need their tokens.
    """
    with ExitStack() as stack:
        stack.enter_context(app.test_client())  # runs the start-up, and the shut-down at the end

        def person(name: str = "") -> TestClient:
            client = TestClient(
                app, enforce_csrf=True, follow_redirects=True, headers={"accept": "text/html"}
            )
            stack.callback(client.close)
            if name:
                account = app.state.accounts.add(name, password_hash)
                with client.session_transaction() as session:
                    write_login(session, User(id=account.id), generation=0)
            return client

        yield person


def send(client, page: str, fields: dict[str, str], *, to: str = "", files: object = None):
    """Load a page, and send its form as a browser would."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get(page).text)
    assert token is not None, f"{page} has no form"
    return client.post(to or page, data={**fields, "csrf_token": token[1]}, files=files)


def write(client, title: str, body: str = "", picture: bytes | None = None) -> str:
    """Write a note, and return its path."""
    files = {"picture": ("holiday.png", picture, "image/png")} if picture else None
    answer = send(client, "/notes/new", {"title": title, "body": body}, to="/notes", files=files)
    assert answer.status_code == 200, answer.text
    return answer.url.path
