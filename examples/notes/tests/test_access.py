"""Who gets in where, and what errors look like."""

import pytest
from flasgo import AuthPolicy

from ..db import Database
from .conftest import PNG, send, write

PUBLIC = {
    "home",
    "auth.login_page",
    "auth.log_in",
    "auth.register_page",
    "auth.register",
    "auth.log_out",
    "recovery.confirm_page",
    "recovery.confirm",
    "recovery.forgotten_page",
    "recovery.forgotten",
    "recovery.reset_page",
    "recovery.reset",
}


def test_everything_is_closed_but_what_says_otherwise(app):
    opened = {
        route.endpoint
        for route in app.routes
        if any(policy.is_open for policy in route.policies_of(AuthPolicy))
    }
    assert opened == PUBLIC


@pytest.mark.parametrize("path", ["/notes", "/notes/new", "/notes/1", "/notes/1/picture"])
def test_strangers_are_sent_to_the_login(person, path):
    answer = person().get(path)
    assert (answer.status_code, answer.url.path) == (200, "/login")


def test_programs_get_an_error_they_can_read(person):
    answer = person().get("/notes", headers={"accept": "application/json"}, follow_redirects=False)
    assert answer.status_code == 401
    assert answer.json()["error"] == "unauthorized"


def test_notes_and_pictures_are_their_owners(person):
    path = write(person("ada"), "secret", picture=PNG)
    eve = person("eve")
    assert eve.get(path).status_code == 404
    assert eve.get(f"{path}/picture").status_code == 404
    assert send(eve, "/notes/new", {}, to=f"{path}/delete").status_code == 404
    assert "secret" not in eve.get("/notes?q=ecre").text


def test_an_error_page_knows_who_is_there(person):
    ada = person("ada")
    answer = ada.get("/no/such/page")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.text
    assert "Log out" in answer.text
    assert "Log in" in person().get("/no/such/page").text


def test_a_failure_shows_nothing_of_the_inside(person, app, monkeypatch):
    from flasgo_testing import TestClient

    ada = person("ada")

    def broken(self):
        raise RuntimeError("the disk is on fire")

    monkeypatch.setattr(Database, "connect", broken)
    client = TestClient(
        app, raise_server_exceptions=False, cookies=ada.cookies, headers={"accept": "text/html"}
    )
    answer = client.get("/notes")
    client.close()
    assert answer.status_code == 500
    assert "Something went wrong" in answer.text
    assert "fire" not in answer.text


def test_every_page_names_static_files_by_their_content(person):
    page = person().get("/")
    assert "/static/notes.css" not in page.text
    start = page.text.index("/static/notes.")
    url = page.text[start:].partition('"')[0]
    assert "immutable" in person().get(url).headers["cache-control"]


def test_pages_are_kept_out_of_caches_and_frames(person):
    headers = person("ada").get("/notes").headers
    assert "no-store" in headers["cache-control"]
    assert headers["x-frame-options"] == "DENY"
    assert "unsafe-inline" not in headers["content-security-policy"]


def test_migrating_twice_changes_nothing(person, tmp_path):
    ada = person("ada")
    path = write(ada, "Tea")
    Database(tmp_path / "data/notes.sqlite3").migrate()
    assert "Tea" in ada.get(path).text
