"""AUTH-1: users."""

import uuid
from dataclasses import FrozenInstanceError, dataclass

import msgspec
import pytest
from flasgo_auth import ANONYMOUS, User


def test_an_authenticated_user_is_true_and_anonymous_is_false():
    assert User(id="alice")
    assert not ANONYMOUS
    assert not User(id="", is_authenticated=False)
    assert ANONYMOUS.scopes == frozenset()


def test_users_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        User(id="alice").id = "root"  # ty: ignore[invalid-assignment]


@pytest.mark.parametrize("identity", ["alice", 7, 0, uuid.UUID(int=1)])
def test_ids_of_the_usual_types(identity):
    assert User(id=identity).id == identity


@pytest.mark.parametrize("identity", [None, True, 1.5, b"alice", ["alice"]])
def test_other_types_of_id_are_refused(identity):
    with pytest.raises(TypeError, match="takes a str, an int or a UUID"):
        User(id=identity)


def test_an_authenticated_user_needs_an_id():
    with pytest.raises(ValueError, match="not empty"):
        User(id="")


@pytest.mark.parametrize("claimed", ["false", "true", 0, 1, None])
def test_only_a_bool_says_whether_a_user_is_authenticated(claimed):
    with pytest.raises(TypeError, match="is_authenticated"):
        User(id="alice", is_authenticated=claimed)


@pytest.mark.parametrize("scopes", [{"a", "b"}, ["a", "b"], ("b", "a"), frozenset({"a", "b"})])
def test_scopes_become_a_frozenset(scopes):
    assert User(id="alice", scopes=scopes).scopes == frozenset({"a", "b"})


def test_a_text_is_no_set_of_scopes():
    with pytest.raises(TypeError, match="frozenset"):
        User(id="alice", scopes="admin")  # ty: ignore[invalid-argument-type]


@pytest.mark.parametrize("scope", ["", "two words", 'quo"te', "back\\slash", "new\nline", "ü"])
def test_malformed_scopes_are_refused(scope):
    with pytest.raises(ValueError, match="not a scope"):
        User(id="alice", scopes=frozenset({scope}))


def test_claims_are_a_copy_and_stay_out_of_the_repr():
    claims = {"email": "alice@example.com"}
    user = User(id="alice", claims=claims)
    claims["email"] = "changed"
    assert user.claims == {"email": "alice@example.com"}
    assert "example.com" not in repr(user)


def test_users_are_values():
    assert User(id="alice", claims={"a": 1}) == User(id="alice", claims={"a": 2})
    assert len({User(id="alice"), User(id="alice"), User(id="bob")}) == 2


def test_users_can_be_encoded():
    decoded = msgspec.json.decode(msgspec.json.encode(User(id="alice", scopes=frozenset({"a"}))))
    assert decoded == {
        "id": "alice",
        "is_authenticated": True,
        "scopes": ["a"],
        "name": "",
        "claims": {},
    }


def test_users_can_be_subclassed():
    @dataclass(frozen=True)
    class Member(User):
        plan: str = "free"

    member = Member(id="alice", plan="gold")
    assert member
    assert member.plan == "gold"
