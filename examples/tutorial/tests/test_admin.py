import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from flasgo import TestClient, hash_password

from app import create_app

PASSWORD = "correct horse battery"
PASSWORD_HASH = asyncio.run(hash_password(PASSWORD))  # once: it takes its time by design


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    settings = {
        "SECRET_KEY": "only-for-tests-0123456789-abcdefghijkl",
        "GUESTBOOK_FILE": str(tmp_path / "book.sqlite3"),
        "ADMIN_PASSWORD_HASH": PASSWORD_HASH,
    }
    with create_app(settings).test_client(follow_redirects=True) as client:
        client.post("/", data={"name": "Mallory", "text": "Buy now!"})
        yield client


def test_visitors_cannot_remove_entries(client: TestClient) -> None:
    assert "Remove" not in client.get("/").text
    assert client.post("/admin/entries/1/remove").status_code == 401
    assert "Buy now!" in client.get("/").text


def test_a_wrong_password_is_refused(client: TestClient) -> None:
    page = client.post("/admin/login", data={"password": "guessed"})
    assert page.status_code == 401
    assert "The password is wrong." in page.text


def test_the_admin_removes_an_entry(client: TestClient) -> None:
    page = client.post("/admin/login", data={"password": PASSWORD})
    assert "Remove" in page.text
    page = client.post("/admin/entries/1/remove")
    assert "The entry was removed." in page.text
    assert "Buy now!" not in page.text
    assert client.post("/admin/entries/1/remove").status_code == 404


def test_logging_out_ends_the_session(client: TestClient) -> None:
    client.post("/admin/login", data={"password": PASSWORD})
    assert "Remove" not in client.post("/admin/logout").text
