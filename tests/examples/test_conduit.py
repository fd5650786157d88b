"""The Conduit API: what its public collection of requests checks, subject by subject."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from examples.conduit.app import create_app

KEY = "conduit-tests-only-0123456789abcdef-fedcba"
PASSWORD = "a long password"


class Api:
    """A client with the tokens of its users."""

    def __init__(self, folder: Path) -> None:
        self.app: Any = create_app({"DATABASE": str(folder / "db.sqlite"), "SECRET_KEY": KEY})
        self.client = self.app.test_client()
        self.tokens: dict[str, str] = {}
        for name in ("ann", "bob"):
            user = {"username": name, "email": f"{name}@x.org", "password": PASSWORD}
            answer = self("POST", "/users", status=201, user=user)
            self.tokens[name] = answer["user"]["token"]

    def __call__(
        self, method: str, path: str, by: str = "", status: int = 200, **body: object
    ) -> Any:
        headers = {"authorization": f"Token {self.tokens[by]}"} if by else {}
        answer = self.client.request(
            method, f"/api{path}", headers=headers, json=body if body else None
        )
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Api:
    return Api(tmp_path_factory.mktemp("conduit"))


def article(title: str, *tags: str) -> dict[str, object]:
    return {"title": title, "description": "About it", "body": "Text", "tagList": list(tags)}


def test_accounts(api: Api) -> None:
    login = {"email": "ann@x.org", "password": PASSWORD}
    user = api("POST", "/users/login", user=login)["user"]
    assert set(user) == {"email", "username", "bio", "image", "token"}
    api.tokens["ann"] = user["token"]
    assert api("GET", "/user", "ann")["user"]["username"] == "ann"
    changed = api("PUT", "/user", "ann", user={"bio": "Writes."})["user"]
    assert (changed["bio"], changed["email"]) == ("Writes.", "ann@x.org")


def test_errors_have_one_form(api: Api) -> None:
    wrong = {"email": "ann@x.org", "password": "wrong"}
    told = api("POST", "/users/login", status=422, user=wrong)
    assert told == {"errors": {"email or password": ["is invalid"]}}
    unknown = {"email": "nobody@x.org", "password": PASSWORD}
    assert api("POST", "/users/login", status=422, user=unknown) == told
    again = {"username": "ann", "email": "other@x.org", "password": PASSWORD}
    told = api("POST", "/users", status=422, user=again)
    assert told == {"errors": {"username": ["has already been taken"]}}
    told = api("POST", "/users", status=422, user={"username": "", "email": "x"})
    assert set(told["errors"]) == {"username", "password"}
    assert set(api("POST", "/users", status=422, other=1)["errors"]) == {"user"}
    assert set(api("GET", "/user", status=401)) == {"errors"}
    assert set(api("GET", "/nowhere", status=404)) == {"errors"}
    assert set(api("GET", "/articles?limit=0", status=422)["errors"]) == {"limit"}


def test_profiles(api: Api) -> None:
    assert api("GET", "/profiles/bob")["profile"]["following"] is False
    assert api("POST", "/profiles/bob/follow", "ann")["profile"]["following"] is True
    assert api("GET", "/profiles/bob", "ann")["profile"]["following"] is True
    assert api("GET", "/profiles/bob")["profile"]["following"] is False
    assert api("DELETE", "/profiles/bob/follow", "ann")["profile"]["following"] is False
    api("GET", "/profiles/nobody", status=404)
    api("POST", "/profiles/bob/follow", status=401)


def test_articles(api: Api) -> None:
    made = api("POST", "/articles", "ann", 201, article=article("How to Train!", "b", "a"))
    made = made["article"]
    assert made["slug"] == "how-to-train"
    assert made["tagList"] == ["a", "b"]
    assert (made["favorited"], made["favoritesCount"]) == (False, 0)
    assert made["author"]["username"] == "ann"
    assert made["createdAt"] == made["updatedAt"]
    assert api("GET", "/articles/how-to-train")["article"] == made
    assert "a" in api("GET", "/tags")["tags"]
    api("POST", "/articles", "bob", 422, article=article("How to train"))
    api("POST", "/articles", status=401, article=article("No"))
    changed = api("PUT", "/articles/how-to-train", "ann", article={"body": "More"})["article"]
    assert (changed["body"], changed["title"]) == ("More", "How to Train!")
    api("PUT", "/articles/how-to-train", "bob", 403, article={"body": "Mine"})
    api("DELETE", "/articles/how-to-train", "bob", 403)
    api("DELETE", "/articles/how-to-train", "ann", 204)
    api("GET", "/articles/how-to-train", status=404)


def test_lists_and_favorites(api: Api) -> None:
    for number in range(3):
        api("POST", "/articles", "bob", 201, article=article(f"List {number}", f"tag{number}"))
    slugs = [each["slug"] for each in api("GET", "/articles?author=bob")["articles"]]
    assert slugs == ["list-2", "list-1", "list-0"]
    page = api("GET", "/articles?author=bob&limit=1&offset=1")
    assert [each["slug"] for each in page["articles"]] == ["list-1"]
    assert page["articlesCount"] == 3
    assert api("GET", "/articles?tag=tag2")["articlesCount"] == 1
    assert api("GET", "/articles?author=nobody")["articlesCount"] == 0
    liked = api("POST", "/articles/list-1/favorite", "ann")["article"]
    assert (liked["favorited"], liked["favoritesCount"]) == (True, 1)
    assert api("GET", "/articles?favorited=ann")["articlesCount"] == 1
    assert api("GET", "/articles/list-1")["article"]["favorited"] is False
    liked = api("DELETE", "/articles/list-1/favorite", "ann")["article"]
    assert (liked["favorited"], liked["favoritesCount"]) == (False, 0)
    assert api("GET", "/articles/feed", "ann")["articlesCount"] == 0
    api("POST", "/profiles/bob/follow", "ann")
    assert api("GET", "/articles/feed?limit=2", "ann")["articlesCount"] == 3
    api("GET", "/articles/feed", status=401)


def test_comments(api: Api) -> None:
    api("POST", "/articles", "bob", 201, article=article("Talk"))
    made = api("POST", "/articles/talk/comments", "ann", 201, comment={"body": "Good."})["comment"]
    assert (made["body"], made["author"]["username"]) == ("Good.", "ann")
    assert api("GET", "/articles/talk/comments")["comments"] == [made]
    api("DELETE", f"/articles/talk/comments/{made['id']}", "bob", 403)
    api("DELETE", f"/articles/talk/comments/{made['id']}", "ann", 204)
    api("DELETE", f"/articles/talk/comments/{made['id']}", "ann", 404)
    assert api("GET", "/articles/talk/comments")["comments"] == []
    api("POST", "/articles/talk/comments", "ann", 422, comment={"body": ""})


def test_the_description_of_the_api(api: Api) -> None:
    document = api.app.openapi_spec()
    validate(document)
    operations = [
        method for path in document["paths"].values() for method in path if method != "parameters"
    ]
    assert len(operations) == 19
    scheme = document["components"]["securitySchemes"]["token"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "token")
