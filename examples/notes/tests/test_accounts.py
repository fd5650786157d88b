"""Registering, logging in and out."""

import sqlite3

import pytest

from .conftest import PASSWORD, send


def test_a_stranger_sees_the_welcome_page(person):
    answer = person().get("/")
    assert answer.status_code == 200
    assert "Start writing" in answer.text


def register(client, **fields):
    good = {"name": "ada", "password": PASSWORD, "again": PASSWORD}
    return send(client, "/register", good | fields)


def test_registering_logs_in_and_says_so_once(person):
    ada = person()
    answer = register(ada)
    assert (answer.status_code, answer.url.path) == (200, "/notes")
    assert "Welcome, ada" in answer.text
    assert "Log out" in ada.get("/notes").text
    assert "Welcome, ada" not in ada.get("/notes").text


def test_the_password_is_kept_as_a_hash(person, tmp_path):
    register(person())
    with sqlite3.connect(tmp_path / "data/notes.sqlite3") as connection:
        (stored,) = connection.execute("SELECT password_hash FROM account").fetchone()
    connection.close()
    assert PASSWORD not in stored
    assert stored.startswith("$")


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"name": "9lives"}, "begin with a letter"),
        ({"name": ""}, "begin with a letter"),
        ({"password": "short", "again": "short"}, "at least 10 characters"),
        ({"again": "something else"}, "not the password above"),
        ({"password": "x" * 2000, "again": "x" * 2000}, "too long"),
        ({"name": "ADA"}, "Somebody has this name"),
    ],
)
def test_what_is_wrong_is_said_next_to_the_field(person, fields, fault):
    person("ada")
    answer = register(person(), **{"name": "grace", **fields})
    assert answer.status_code == 422
    assert fault in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert fields.get("password", PASSWORD) not in answer.text


def test_logging_out_and_in_again(person):
    ada = person("ada")
    answer = send(ada, "/notes", {}, to="/logout")
    assert "You are logged out" in answer.text
    assert ada.get("/notes").url.path == "/login"
    answer = send(ada, "/login", {"name": "Ada", "password": PASSWORD})
    assert answer.url.path == "/notes"
    assert "Welcome back, ada" in answer.text


@pytest.mark.parametrize(("name", "password"), [("ada", "wrong"), ("nobody", PASSWORD), ("", "")])
def test_wrong_credentials_say_nothing_about_who_exists(person, name, password):
    person("ada")
    answer = send(person(), "/login", {"name": name, "password": password})
    assert answer.status_code == 422
    assert "do not fit together" in answer.text


def test_the_login_leads_back_to_where_it_was_asked_for(person):
    ada = person("ada")
    send(ada, "/notes", {}, to="/logout")
    answer = ada.get("/notes?q=tea")
    assert str(answer.url).endswith("/login?next=%2Fnotes%3Fq%3Dtea")
    fields = {"name": "ada", "password": PASSWORD, "next": "/notes?q=tea"}
    assert str(send(ada, "/login", fields).url).endswith("/notes?q=tea")


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x"]
)
def test_the_login_leads_nowhere_else(person, elsewhere):
    ada = person("ada")
    send(ada, "/notes", {}, to="/logout")
    fields = {"name": "ada", "password": PASSWORD, "next": elsewhere}
    assert send(ada, "/login", fields).url.path == "/notes"


def test_guessing_is_limited(person):
    stranger = person()
    for _ in range(10):
        # Nothing was ever made of an empty password, so nothing is computed for it either.
        assert send(stranger, "/login", {"name": "ada", "password": ""}).status_code == 422
    answer = send(stranger, "/login", {"name": "ada", "password": PASSWORD})
    assert answer.status_code == 429
    assert "Slow down" in answer.text
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize("path", ["/login", "/register", "/logout", "/notes", "/notes/1/delete"])
def test_forms_of_other_sites_are_refused(person, path):
    ada = person("ada")
    answer = ada.post(path, data={"name": "ada", "title": "x"})
    assert answer.status_code == 403
    assert "came from another site" in answer.text


def test_logging_in_changes_the_session(person):
    ada = person("ada")
    send(ada, "/notes", {}, to="/logout")
    ada.get("/login")
    before = dict(ada.cookies)
    send(ada, "/login", {"name": "ada", "password": PASSWORD})
    assert dict(ada.cookies)["csrf"] != before["csrf"]
