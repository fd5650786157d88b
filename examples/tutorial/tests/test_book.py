from collections.abc import Iterator
from pathlib import Path

import pytest
from flasgo import TestClient

from app import create_app


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    settings = {
        "SECRET_KEY": "only-for-tests-0123456789-abcdefghijkl",
        "GUESTBOOK_FILE": str(tmp_path / "book.sqlite3"),
    }
    with create_app(settings).test_client(follow_redirects=True) as client:
        yield client


def test_an_entry_appears_on_the_page(client: TestClient) -> None:
    assert "Nothing is written here yet." in client.get("/").text
    page = client.post("/", data={"name": "Ada", "text": "Hello."})
    assert page.status_code == 200
    assert "Thank you for your entry." in page.text
    assert "<footer>Ada</footer>" in page.text


def test_what_visitors_write_is_text_and_not_html(client: TestClient) -> None:
    page = client.post("/", data={"name": "Eve", "text": "<script>alert(1)</script>"})
    assert "&lt;script&gt;" in page.text
    assert "<script>" not in page.text


def test_an_empty_form_says_what_is_missing(client: TestClient) -> None:
    page = client.post("/", data={"name": "Ada"})
    assert page.status_code == 422
    assert "Write up to 500 characters." in page.text
    assert 'value="Ada"' in page.text


def test_a_form_of_another_site_is_refused(client: TestClient) -> None:
    other = {"origin": "https://other.example"}
    assert client.post("/", data={"name": "x", "text": "y"}, headers=other).status_code == 403


def test_the_sixth_entry_of_a_minute_is_refused(client: TestClient) -> None:
    entry = {"name": "Ada", "text": "Hello."}
    assert [client.post("/", data=entry).status_code for _ in range(6)] == [200] * 5 + [429]
