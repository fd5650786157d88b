"""`app.authenticate`: who a request is from, where no policy asked."""

import pytest
from flasgo import HTTPException
from flasgo_auth import IsAuthenticated, current_user


@pytest.fixture
def client(guarded, connect):
    @guarded.errorhandler(HTTPException)
    async def page(request, error):
        user = await guarded.authenticate(request)
        return f"{error.status_code} {user.id} {current_user.id} {request.user is user}"

    @guarded.get("/closed")
    @guarded.authorize(IsAuthenticated())
    def closed():
        raise HTTPException(409)

    return connect(guarded)


def test_a_page_for_a_path_without_a_route_knows_the_user(client):
    assert client.get("/nothing", headers={"x-user": "alice"}).text == "404 alice alice True"


def test_nobody_is_nobody(client):
    assert client.get("/nothing").text == "404   True"
    assert client.get("/closed").text == "401   True"


def test_who_was_recognised_before_is_not_asked_again(client):
    assert client.get("/closed", headers={"x-user": "bob"}).text == "409 bob bob True"
