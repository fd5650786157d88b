"""The quick start example: what it answers, and what it refuses."""

import re
from html.parser import HTMLParser

import pytest
from flasgo import Flasgo


class Page(HTMLParser):
    """What a page refers to and what it carries inline."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def field(self, name: str) -> str:
        return next(each["value"] for each in self.all("input") if each.get("name") == name)


@pytest.fixture
def page(app: Flasgo) -> Page:
    return Page(app.test_client().get("/welcome").text)


def test_home_is_json(app: Flasgo) -> None:
    answer = app.test_client().get("/")

    assert answer.json() == {"framework": "flasgo", "status": "ok"}


def test_welcome_is_a_page_with_the_default_headers(app: Flasgo) -> None:
    answer = app.test_client().get("/welcome")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    for name in re.findall(r'data-header="([^"]+)"', answer.text):
        assert name in answer.headers


def test_welcome_lists_the_plugins_of_the_process(app: Flasgo) -> None:
    text = app.test_client().get("/welcome").text

    for plugin in app.plugins:
        assert f"<span>{plugin.name}</span>" in text


def test_welcome_has_nothing_inline_that_the_policy_would_block(page: Page) -> None:
    assert page.all("style") == []
    assert [each for each in page.all("script") if not each.get("src")] == []
    attributes = {name for _, each in page.tags for name in each}
    assert [name for name in attributes if name == "style" or name.startswith("on")] == []


def test_welcome_is_accessible_in_its_basics(page: Page) -> None:
    labelled = {each["for"] for each in page.all("label")}
    fields = [each for each in page.all("input") + page.all("textarea") if "id" in each]

    assert page.all("html")[0]["lang"] == "en"
    assert page.all("meta")[1]["name"] == "viewport"
    assert len(page.all("h1")) == 1
    assert {each["id"] for each in fields} == labelled
    assert all("alt" in each for each in page.all("img"))


def test_everything_that_welcome_links_to_answers(app: Flasgo, page: Page) -> None:
    client = app.test_client()
    links = {each["href"] for each in page.all("a") + page.all("link")}
    links |= {each["src"] for each in page.all("script") + page.all("img")}
    expected = {link: 404 if link == "/no-such-page" else 200 for link in links if link[0] == "/"}

    assert {link: client.get(link).status_code for link in expected} == expected
    assert "/static/welcome.css" in expected


def test_contact_with_the_forms_token_leads_to_thanks(app: Flasgo) -> None:
    client = app.test_client(enforce_csrf=True)
    token = Page(client.get("/welcome").text).field("csrf_token")

    answer = client.post("/contact", data={"csrf_token": token, "email": "alice@example.com"})

    assert answer.status_code == 302
    assert answer.headers["location"] == "/thanks"
    assert "Thank you" in client.get("/thanks").text


@pytest.mark.parametrize("token", [None, "", "forged"])
def test_contact_without_the_forms_token_is_refused(app: Flasgo, token: str | None) -> None:
    client = app.test_client(enforce_csrf=True)
    client.get("/welcome")
    fields = {"email": "alice@example.com"} | ({} if token is None else {"csrf_token": token})

    assert client.post("/contact", data=fields).status_code == 403


def test_contact_without_an_address_says_what_is_missing(app: Flasgo) -> None:
    answer = app.test_client().post("/contact", data={"message": "hello"})

    assert (answer.status_code, answer.json()) == (400, {"error": "email is required"})


def test_foreign_hosts_are_refused(app: Flasgo) -> None:
    answer = app.test_client().get("/", headers={"host": "attacker.example"})

    assert answer.status_code == 400
