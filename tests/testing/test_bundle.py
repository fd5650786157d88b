"""TEST-1 with SEC-2 and SEC-3: the client gets along with the security plugin's defaults."""

from typing import cast

import pytest
from flasgo import Flasgo, Request

SETTINGS = {"SECRET_KEY": "4f1d9a7c3e5b8260f7a9c1d3e5b70824"}


@pytest.fixture
def app():
    made = Flasgo(settings=SETTINGS)

    @made.post("/visits")
    async def count(request: Request):
        request.session["visits"] = cast("int", request.session.get("visits", 0)) + 1
        return {"visits": request.session["visits"]}

    return made


def test_unsafe_requests_pass_the_csrf_check(app):
    with app.test_client() as client:
        assert client.post("/visits").status_code == 200


def test_unless_it_is_enforced(app):
    with app.test_client(enforce_csrf=True) as client:
        assert client.post("/visits").status_code == 403


def test_a_hostile_origin_is_still_refused(app):
    with app.test_client() as client:
        answer = client.post("/visits", headers={"Origin": "https://evil.example"})
        assert answer.status_code == 403


async def test_the_secure_session_cookie_is_kept(app):
    async with app.test_client() as client:
        first = client.post("/visits")
        assert "secure" in first.headers["set-cookie"].lower()
        assert (await client.apost("/visits")).json() == {"visits": 2}
        assert client.post("/visits").json() == {"visits": 3}
