"""Accounts, logins and users."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .conftest import PASSWORD, Account, Client

NEW = {"email": "Ann@Tracker.example", "name": "Ann", "password": PASSWORD}


def problems(answer: Any) -> list[list[Any]]:
    assert answer.status_code == 422, answer.text
    return [each["loc"] for each in answer.json()["detail"]]


def test_sign_up(client: Client, tracker: Callable[[str], Any]) -> None:
    answer = client.post("/signup", json=NEW)
    assert answer.status_code == 201
    assert answer.json() == {
        "id": 1,
        "name": "Ann",
        "email": "ann@tracker.example",
        "isAdmin": False,
    }
    assert [(mail.to, mail.subject) for mail in tracker("mail").OUTBOX] == [
        ("ann@tracker.example", "Welcome, Ann")
    ]


def test_an_address_has_one_account(client: Client) -> None:
    assert client.post("/signup", json=NEW).status_code == 201
    again = client.post("/signup", json={**NEW, "email": "ann@tracker.example"})
    assert again.status_code == 409
    assert again.json()["detail"] == "This address has an account."


def test_what_sign_ups_have_to_be(client: Client) -> None:
    for change, where in (
        ({"email": "ann"}, ["body", "email"]),
        ({"name": ""}, ["body", "name"]),
        ({"password": "hunter2"}, ["body", "password"]),
        ({"isAdmin": True}, ["body", "isAdmin"]),
    ):
        assert problems(client.post("/signup", json={**NEW, **change})) == [where]
    found = problems(client.post("/signup", json={"email": "x", "password": "y"}))
    assert found == [["body", "email"], ["body", "name"], ["body", "password"]]


def test_log_in(client: Client) -> None:
    client.post("/signup", json=NEW)
    for name in ("ann@tracker.example", "ANN@tracker.example"):
        answer = client.post("/login/token", data={"username": name, "password": PASSWORD})
        assert answer.status_code == 200
        assert answer.json()["token_type"] == "bearer"
    for name, password in (("ann@tracker.example", "wrong"), ("nobody@x.example", PASSWORD)):
        answer = client.post("/login/token", data={"username": name, "password": password})
        assert answer.status_code == 400
        assert answer.json()["detail"] == "Incorrect email or password"
    assert client.post("/login/token", data={"username": "ann"}).status_code == 422


def test_who_is_not_logged_in_is_refused(client: Client) -> None:
    for headers in ({}, {"Authorization": "Bearer x.y.z"}, {"Authorization": "Basic YTpi"}):
        for path in ("/users/me", "/users", "/projects", "/admin/statistics"):
            answer = client.get(path, headers=headers)
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_tokens_end(client: Client, tracker: Callable[[str], Any], ann: dict[str, str]) -> None:
    secret = tracker("config").Settings().secret_key
    create = tracker("security").create_token
    for token, status in (
        (create(1, secret, 5), 200),
        (create(1, secret, -5), 401),
        (create(7, secret, 5), 401),
        (create(1, "another secret 0123456789abcdef0123", 5), 401),
    ):
        headers = {"Authorization": f"Bearer {token}"}
        assert client.get("/users/me", headers=headers).status_code == status


def test_profile(client: Client, ann: dict[str, str]) -> None:
    assert client.get("/users/me", headers=ann).json()["email"] == "ann@tracker.example"
    changed = client.patch("/users/me", json={"name": "Anna"}, headers=ann)
    assert changed.json()["name"] == "Anna"
    assert client.get("/users/me", headers=ann).json()["name"] == "Anna"
    answer = client.patch("/users/me", json={"email": "x@y.example"}, headers=ann)
    assert problems(answer) == [["body", "email"]]


def test_a_password_is_changed_by_those_who_know_it(client: Client, ann: dict[str, str]) -> None:
    new = {"password": "another password"}
    assert client.patch("/users/me", json=new, headers=ann).status_code == 400
    wrong = {**new, "currentPassword": "wrong"}
    assert client.patch("/users/me", json=wrong, headers=ann).status_code == 400
    right = {**new, "currentPassword": PASSWORD}
    assert client.patch("/users/me", json=right, headers=ann).status_code == 200
    form = {"username": "ann@tracker.example", "password": "another password"}
    assert client.post("/login/token", data=form).status_code == 200


def test_who_leaves_is_gone(client: Client, ann: dict[str, str], bob: dict[str, str]) -> None:
    answer = client.delete("/users/me", headers=ann)
    assert answer.status_code == 204
    assert answer.content == b""
    assert client.get("/users/me", headers=ann).status_code == 401
    assert client.get("/users/1", headers=bob).status_code == 404
    form = {"username": "ann@tracker.example", "password": PASSWORD}
    assert client.post("/login/token", data=form).status_code == 400


def test_users_are_listed_in_pages(client: Client, account: Account, ann: dict[str, str]) -> None:
    for name in ("bob", "cy", "dan"):
        account(name)
    page = client.get("/users?limit=2&offset=1", headers=ann).json()
    assert page == {
        "items": [{"id": 2, "name": "Bob"}, {"id": 3, "name": "Cy"}],
        "total": 4,
        "limit": 2,
        "offset": 1,
        "has_more": True,
    }
    assert client.get("/users?limit=2&offset=2", headers=ann).json()["has_more"] is False
    assert client.get("/users?q=AN", headers=ann).json()["total"] == 2
    assert problems(client.get("/users?limit=0", headers=ann)) == [["query", "limit"]]
    assert problems(client.get("/users?limit=x&offset=-1", headers=ann)) == [
        ["query", "limit"],
        ["query", "offset"],
    ]


def test_others_see_little_of_a_user(client: Client, bob: dict[str, str]) -> None:
    assert client.get("/users/1", headers=bob).json() == {"id": 1, "name": "Ann"}
    assert client.get("/users/99", headers=bob).json()["detail"] == "No such user"


def test_admins(client: Client, account: Account, ann: dict[str, str]) -> None:
    assert client.get("/admin/statistics", headers=ann).status_code == 403
    admin = account("admin")
    assert client.get("/admin/statistics", headers=admin).json() == {
        "users": 2,
        "projects": 0,
        "tasks": {"open": 0, "started": 0, "done": 0},
    }
    assert client.post("/admin/users/1/block", headers=ann).status_code == 403
    assert client.post("/admin/users/1/block", headers=admin).json()["id"] == 1
    assert client.post("/admin/users/9/block", headers=admin).status_code == 404
    assert client.get("/users/me", headers=ann).status_code == 401


def test_health_and_headers(client: Client) -> None:
    answer = client.get("/health")
    assert answer.json() == {"status": "ok"}
    assert float(answer.headers["X-Process-Time"]) >= 0
    origin = {"Origin": "https://tracker.example"}
    allowed = client.get("/health", headers=origin).headers
    assert allowed["Access-Control-Allow-Origin"] == "https://tracker.example"
    refused = client.get("/health", headers={"Origin": "https://evil.example"}).headers
    assert "Access-Control-Allow-Origin" not in refused
    asked = {
        **origin,
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization",
    }
    preflight = client.options("/users/me", headers=asked)
    assert preflight.status_code in {200, 204}
    assert "authorization" in preflight.headers["Access-Control-Allow-Headers"].lower()
