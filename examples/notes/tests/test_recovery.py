"""Confirming an e-mail address, and replacing a forgotten password."""

from __future__ import annotations

import logging
import re

import pytest
from flasgo import User
from flasgo_auth import write_login

from .. import recovery
from .conftest import PASSWORD, send

ADDRESS = "ada@example.org"
NEW = "another good password"


class _Collector(logging.Handler):
    def __init__(self, records):
        super().__init__()
        self.records = records

    def emit(self, record):
        self.records.append(record)


@pytest.fixture
def mails():
    """Return the mails so far: to whom, and the text."""
    records = []
    handler = _Collector(records)
    logging.getLogger("notes.mail").addHandler(handler)
    yield lambda: [(record.args[0], record.args[2]) for record in records]
    logging.getLogger("notes.mail").removeHandler(handler)


def link_in(mail):
    """Return the path of the link in a mail, which leads to this site."""
    found = re.search(r"http://localhost(/\S+)[. ]", mail[1])
    assert found is not None, mail
    return found[1].rstrip(".")


def follow(client, link, **fields):
    """Open a link, and send the form there."""
    path, _, token = link.partition("?token=")
    return send(client, link, {"token": token, **fields}, to=path)


@pytest.fixture
def ada(app, person, mails, password_hash):
    """Somebody who has registered with an address, and confirmed it."""
    client = person()
    accounts = app.state.accounts
    account = accounts.add("ada", password_hash, ADDRESS)
    assert accounts.confirm_email(account.id, ADDRESS)
    with client.session_transaction() as session:
        write_login(session, User(id=account.id), generation=0)
    return client


def ask_for_link(client, email=ADDRESS):
    return send(client, "/forgotten", {"email": email})


# --- Confirming -------------------------------------------------------------------------------


def test_a_link_confirms_once(person, mails):
    client = person()
    fields = {"name": "ada", "email": ADDRESS, "password": PASSWORD, "again": PASSWORD}
    assert "follow the link in the mail" in send(client, "/register", fields).text
    ((to, _),) = mails()
    assert to == ADDRESS
    assert "is confirmed" in follow(person(), link_in(mails()[0])).text
    again = follow(person(), link_in(mails()[0]))
    assert again.status_code == 400
    assert "This link does not work" in again.text


def test_opening_the_link_confirms_nothing(person, mails):
    client = person()
    fields = {"name": "ada", "email": ADDRESS, "password": PASSWORD, "again": PASSWORD}
    send(client, "/register", fields)
    page = client.get(link_in(mails()[0]))
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    ask_for_link(person())
    assert len(mails()) == 1


def test_an_address_belongs_to_one_account(ada, person, mails):
    other = person()
    fields = {"name": "eve", "email": ADDRESS.upper(), "password": PASSWORD, "again": PASSWORD}
    # The page tells nobody that the address is known; the mail goes to its owner.
    assert "follow the link in the mail" in send(other, "/register", fields).text
    assert follow(person(), link_in(mails()[-1])).status_code == 400
    ask_for_link(person())
    assert "'ada'" in mails()[-1][1]


@pytest.mark.parametrize("email", ["ada", "a@b", "a b@example.org", "a@example.org\r\nBcc: x@y.z"])
def test_what_is_not_an_address(person, email):
    fields = {"name": "ada", "email": email, "password": PASSWORD, "again": PASSWORD}
    answer = send(person(), "/register", fields)
    assert answer.status_code == 422
    assert "not an e-mail address" in answer.text


# --- Replacing the password -------------------------------------------------------------------


def test_a_new_password_replaces_the_old_one_and_ends_all_logins(ada, person, mails):
    ask_for_link(person())
    to, _ = mails()[-1]
    link = link_in(mails()[-1])
    stranger = person()
    assert stranger.get(link).headers["referrer-policy"] == "no-referrer"
    answer = follow(stranger, link, password=NEW, again=NEW)
    assert answer.url.path == "/login"
    assert "The password is replaced" in answer.text
    assert "was replaced" in mails()[-1][1]
    assert to == mails()[-1][0] == ADDRESS
    assert ada.get("/notes").url.path == "/login", "the old login is over"
    old = send(person(), "/login", {"name": "ada", "password": PASSWORD})
    assert old.status_code == 422
    assert send(person(), "/login", {"name": "ada", "password": NEW}).url.path == "/notes"


def test_a_link_works_once_and_ends_the_others(ada, person, mails):
    ask_for_link(person())
    ask_for_link(person())
    first, second = (link_in(mail) for mail in mails()[-2:])
    assert follow(person(), second, password=NEW, again=NEW).status_code == 200
    for link in (first, second):
        answer = person().get(link)
        assert answer.status_code == 400
        assert "This link does not work" in answer.text


def test_of_two_at_the_same_time_one_succeeds(ada, app):
    accounts = app.state.accounts
    account = accounts.find("ada")
    done = [accounts.change_password(account.id, account.password_changes, "x") for _ in range(2)]
    assert done == [True, False]


def test_a_mistake_keeps_the_link(ada, person, mails):
    ask_for_link(person())
    link = link_in(mails()[-1])
    client = person()
    answer = follow(client, link, password="short", again="short")
    assert answer.status_code == 422
    assert "at least 10 characters" in answer.text
    assert follow(client, link, password=NEW, again=NEW).status_code == 200


def test_the_answer_is_the_same_for_unknown_addresses(ada, person, mails):
    known = ask_for_link(person())
    before = len(mails())
    unknown = ask_for_link(person(), "nobody@example.org")
    assert len(mails()) == before
    assert known.status_code == unknown.status_code == 200
    strip = re.compile(r'value="[^"]+"')
    assert strip.sub("", known.text) == strip.sub("", unknown.text)


def test_an_address_gets_a_few_mails_only(ada, person, mails):
    before = len(mails())
    answers = [ask_for_link(person(), email) for email in (ADDRESS, " ADA@example.org ") * 2]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert len(mails()) == before + 3
    unknown = [ask_for_link(person(), "nobody@example.org").status_code for _ in range(4)]
    assert unknown == [200, 200, 200, 429], "the limit tells nothing either"


def test_a_link_of_one_kind_is_worthless_for_the_other(ada, app, person, mails):
    ask_for_link(person())
    reset = link_in(mails()[-1])
    confirm = f"/confirm?token={app.signer('confirm-email').sign([1, ADDRESS])}"
    swapped = reset.replace("/reset", "/confirm"), confirm.replace("/confirm", "/reset")
    assert follow(person(), swapped[0]).status_code == 400
    assert person().get(swapped[1]).status_code == 400


@pytest.mark.parametrize("token", ["", "x", "." * 10_000, "WzEsMF0.1.x"])
def test_made_up_tokens(person, token):
    assert person().get("/reset", params={"token": token}).status_code == 400


def test_a_link_expires(ada, person, mails, monkeypatch):
    ask_for_link(person())
    link = link_in(mails()[-1])
    monkeypatch.setattr(recovery, "RESET_SECONDS", 1e-9)
    assert person().get(link).status_code == 400


def test_links_lead_to_this_site_only(ada, person, mails):
    """A Host of the attacker's choice does not get into the mail (CWE-640)."""
    client = person()
    client.get("/forgotten")
    answer = client.post("/forgotten", data={"email": ADDRESS}, headers={"host": "evil.example"})
    assert answer.status_code == 400
    assert mails() == []
