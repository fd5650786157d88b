"""The pages that show the document (OA-2, OA-3)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flasgo import ConfigurationError, Flasgo, SettingError, User
from flasgo.features.openapi import docs_page
from openapi_spec_validator import validate

MakeApp = Callable[..., Flasgo]

PATHS = ("/docs", "/openapi.json", "/docs/assets/swagger-ui.css")


def test_nothing_is_served_by_default(make_bundle_app: MakeApp) -> None:
    app = make_bundle_app()
    client = app.test_client()
    assert [client.get(path).status_code for path in PATHS] == [404, 404, 404]
    assert app.routes == ()


def test_the_document_is_served_and_does_not_describe_itself(make_bundle_app: MakeApp) -> None:
    app = make_bundle_app(ENABLE_DOCS=True)
    client = app.test_client()

    @app.get("/a")
    async def first() -> str:
        raise NotImplementedError

    answer = client.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    validate(answer.json())
    assert list(answer.json()["paths"]) == ["/a"]
    assert answer.json() == app.openapi_spec()

    @app.get("/b")
    async def second() -> str:
        raise NotImplementedError

    assert list(client.get("/openapi.json").json()["paths"]) == ["/a", "/b"]


def test_paths_titles_and_descriptions_are_settings(make_bundle_app: MakeApp) -> None:
    app = make_bundle_app(
        ENABLE_DOCS=True,
        DOCS_PATH="/api-docs/",
        OPENAPI_PATH="/api/openapi.json",
        API_TITLE="My API",
        API_VERSION="1.2.3",
        API_DESCRIPTION="Internal service API",
    )
    client = app.test_client()
    assert client.get("/api/openapi.json").json()["info"] == {
        "title": "My API",
        "version": "1.2.3",
        "description": "Internal service API",
    }
    page = client.get("/api-docs/").text
    assert "<title>My API</title>" in page
    assert 'data-document="/api/openapi.json"' in page
    assert client.get("/api-docs/assets/start.js").status_code == 200
    assert client.get("/docs").status_code == 404


def test_title_and_description_are_escaped(make_bundle_app: MakeApp) -> None:
    evil = "</title><script>alert(1)</script>\"'"
    app = make_bundle_app(ENABLE_DOCS=True, API_TITLE=evil, API_DESCRIPTION=evil)
    page = app.test_client().get("/docs").text
    assert "<script>alert" not in page
    assert page.count("&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot;") == 2


def test_the_page_runs_under_a_policy_of_its_own_with_a_new_nonce_each_time(
    make_bundle_app: MakeApp,
) -> None:
    client = make_bundle_app(ENABLE_DOCS=True).test_client()
    nonces = set()
    for _ in range(2):
        answer = client.get("/docs")
        policy = answer.headers["content-security-policy"]
        found = re.search(r"script-src 'nonce-([\w-]{22,})';", policy)
        assert found is not None
        assert answer.text.count(f'nonce="{found[1]}"') == answer.text.count("<script") == 2
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert "http" not in policy
        nonces.add(found[1])
    assert len(nonces) == 2
    assert answer.headers["x-frame-options"] == "DENY"
    # Nothing inline: no style, no handler, no script with a body.
    assert not re.search(r"<style|style=|\son\w+=|<script[^>]*>[^<]", answer.text)
    assert not re.search(r"(src|href)=\"(?!/docs/assets/|/openapi.json)", answer.text)


def test_assets_are_the_named_files_and_nothing_else(make_bundle_app: MakeApp) -> None:
    client = make_bundle_app(ENABLE_DOCS=True).test_client()
    kinds = {
        "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
        "swagger-ui.css": "text/css; charset=utf-8",
        "favicon-32x32.png": "image/png",
        "start.js": "text/javascript; charset=utf-8",
    }
    for name, kind in kinds.items():
        answer = client.get(f"/docs/assets/{name}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
        assert answer.headers["cache-control"] == "private, max-age=3600"
        assert answer.content
    for name in ("index.css", "swagger-editor.js", "..%2f__init__.py", "%2e%2e", "x", "LICENSE"):
        assert client.get(f"/docs/assets/{name}").status_code in {400, 404}


def test_the_core_alone_serves_the_same(make_app: MakeApp) -> None:
    from flasgo_testing import TestClient

    client = TestClient(make_app(ENABLE_DOCS=True))
    assert [client.get(path).status_code for path in PATHS] == [200, 200, 200]
    assert "nonce" in client.get("/docs").headers["content-security-policy"]


def test_without_the_extra_a_page_says_what_to_install(
    make_bundle_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docs_page, "_PACKAGE", "swagger_ui_that_is_not_installed")
    client = make_bundle_app(ENABLE_DOCS=True, API_TITLE="<b>").test_client()
    answer = client.get("/docs")
    assert answer.status_code == 200
    assert "pip install swagger-ui-py" in answer.text
    assert 'href="/openapi.json"' in answer.text
    assert "<b>" not in answer.text
    assert "<script" not in answer.text
    assert client.get("/docs/assets/swagger-ui.css").status_code == 404
    assert client.get("/openapi.json").status_code == 200


def test_behind_a_prefix_everything_points_there(make_bundle_app: MakeApp) -> None:
    client = make_bundle_app(ENABLE_DOCS=True).test_client(root_path="/shop")
    page = client.get("/docs").text
    assert 'data-document="/shop/openapi.json"' in page
    assert 'src="/shop/docs/assets/start.js"' in page
    assert client.get("/openapi.json").json()["servers"] == [{"url": "/shop"}]


def test_an_auth_backend_protects_all_of_it(make_bundle_app: MakeApp) -> None:
    app = make_bundle_app(ENABLE_DOCS=True, DOCS_AUTH_BACKEND="staff")

    def staff(request: Any) -> User | None:
        return User(id="ann") if request.raw_header(b"x-staff") == b"yes" else None

    app.register_auth_backend("staff", staff)
    app.register_auth_backend("anyone", lambda request: User(id="anyone"))
    client = app.test_client()
    assert [client.get(path).status_code for path in PATHS] == [401, 401, 401]
    headers = {"x-staff": "yes"}
    assert [client.get(path, headers=headers).status_code for path in PATHS] == [200, 200, 200]


def test_protection_that_nobody_brings_stops_the_app(make_app: MakeApp) -> None:
    with pytest.raises(ConfigurationError, match=r"DOCS_AUTH_BACKEND='staff'.*flasgo-auth"):
        make_app(ENABLE_DOCS=True, DOCS_AUTH_BACKEND="staff")


@pytest.mark.parametrize("path", ["docs", "//docs", "/docs?x", "/<name>", "/do cs", ""])
def test_paths_that_are_none_are_refused(make_app: MakeApp, path: str) -> None:
    with pytest.raises(SettingError, match="DOCS_PATH"):
        make_app(DOCS_PATH=path)
