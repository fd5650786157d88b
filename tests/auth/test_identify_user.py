"""PLUG-1, AUTH-1: a plugin may vouch for a user; it never gets past a permission."""

import pytest
from flasgo import hookimpl
from flasgo_auth import ANONYMOUS, HasScope, User


class Voucher:
    """Vouches for whatever it holds."""

    name = "voucher"

    def __init__(self, answer):
        self.answer = answer

    @hookimpl(optionalhook=True)
    def identify_user(self, request):
        return self.answer


@pytest.fixture
def statuses(guarded, connect):
    """Return a function that calls an endpoint of each kind with a plugin that vouches."""
    guarded.register_auth_backend("never", lambda request: None)
    guarded.get("/any", endpoint="any")(guarded.authorize()(lambda: "in"))
    guarded.get("/named", endpoint="named")(guarded.authorize(backend="never")(lambda: "in"))
    guarded.get("/scope", endpoint="scope")(guarded.authorize(HasScope("admin"))(lambda: "in"))

    def statuses(answer):
        client = connect(guarded)
        assert client.get("/named").status_code == 401
        guarded.plugins.register(Voucher(answer))
        return [
            client.get(path, headers={"x-user": "alice"}).status_code
            for path in ("/any", "/named", "/scope")
        ]

    return statuses


def test_a_user_stands_for_every_backend_and_not_for_a_permission(statuses):
    assert statuses(User(id="carol")) == [200, 200, 403]


def test_none_leaves_it_to_the_backends(statuses):
    assert statuses(None) == [200, 401, 403]


def test_vouching_for_nobody_lets_nobody_in(statuses):
    assert statuses(ANONYMOUS) == [401, 401, 401]


def test_scopes_of_nobody_reach_no_permission(guarded, connect):
    scopes = []

    def look(request):
        scopes.append(request.user.scopes)
        return True

    guarded.get("/x")(guarded.authorize(look)(lambda: "in"))
    guarded.plugins.register(
        Voucher(User(id="x", is_authenticated=False, scopes=frozenset({"admin"})))
    )
    assert connect(guarded).get("/x").status_code == 200
    assert scopes == [frozenset()]


@pytest.mark.parametrize("junk", [True, "carol", {"id": "carol"}, 0, False], ids=repr)
def test_what_is_no_user_lets_nobody_in(statuses, junk):
    assert statuses(junk) == [500, 500, 500]
