"""SEC-15: timed tokens for links in mails, `app.signer`."""

import logging

import pytest
from flasgo import Flasgo
from flasgo_security import ExpiredTokenError, SecurityPlugin, SignedTokenError
from flasgo_security.signing import PurposeSigner
from hypothesis import given, settings, strategies as st

from tests.security.conftest import SECRET_KEY, Clock

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


def make(clock: Clock | None = None, **options) -> Flasgo:
    clock = clock or Clock()
    return Flasgo(
        settings={"SECRET_KEY": SECRET_KEY, **options},
        plugins=[SecurityPlugin(clock=clock, wall_clock=clock)],
        discover=False,
    )


@given(json_values)
@settings(max_examples=100, deadline=None)
def test_a_value_comes_back(value):
    signer = make().signer("mail")
    token = signer.sign(value)
    assert signer.unsign(token, max_age=60) == value
    assert all(char.isalnum() or char in "-_." for char in token)


@given(st.text(max_size=100))
@settings(max_examples=200, deadline=None)
def test_no_other_text_is_a_token(text):
    with pytest.raises(SignedTokenError):
        make().signer("mail").unsign(text, max_age=60)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_no_character_can_be_changed(data):
    signer = make().signer("mail")
    token = signer.sign({"user": "ann"})
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("aZ0-_.").filter(lambda char: char != token[place]))
    with pytest.raises(SignedTokenError):
        signer.unsign(token[:place] + other + token[place + 1 :], max_age=60)


def test_a_token_expires(clock):
    signer = make(clock).signer("mail")
    token = signer.sign("ann")
    clock.advance(60)
    assert signer.unsign(token, max_age=60) == "ann"
    clock.advance(1)
    with pytest.raises(ExpiredTokenError) as caught:
        signer.unsign(token, max_age=60)
    assert (caught.value.status_code, caught.value.error) == (400, "expired_token")
    assert signer.unsign(token, max_age=None) == "ann"
    clock.advance(-200)
    with pytest.raises(SignedTokenError):
        signer.unsign(token, max_age=None)


def test_each_purpose_is_apart(make_app):
    app = make()
    token = app.signer("password-reset").sign("ann")
    for other in ("mail", "password-reset ", "Password-Reset"):
        with pytest.raises(SignedTokenError):
            app.signer(other).unsign(token, max_age=60)
    # Nor does an app reach what the plugin signs for itself.
    own = PurposeSigner("session", SECRET_KEY).sign("e30.id.1")
    with pytest.raises(SignedTokenError):
        app.signer("session").unsign(own, max_age=60)


def test_a_former_key_verifies_and_does_not_sign():
    old = make().signer("mail").sign("ann")
    new_key = "zyxwvutsrqponmlkjihgfedcba9876543210"
    rotated = make(SECRET_KEY=new_key, SECRET_KEY_FALLBACKS=[SECRET_KEY]).signer("mail")
    assert rotated.unsign(old, max_age=60) == "ann"
    with pytest.raises(SignedTokenError):
        make().signer("mail").unsign(rotated.sign("ann"), max_age=60)


def test_left_alone_a_wrong_token_is_a_400(connect):
    app = make()

    @app.get("/confirm/<token>")
    async def confirm(token: str):
        return app.signer("confirm").unsign(token, max_age=3600)

    client = connect(app)
    assert client.get(f"/confirm/{app.signer('confirm').sign('ann')}").text == "ann"
    wrong = client.get("/confirm/nonsense")
    assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_token")
    assert client.get("/confirm/" + "a" * 9000).status_code in (400, 414)


@pytest.mark.parametrize("value", [b"x", {1}, {1: 2}, float("nan"), object(), "\ud800"])
def test_what_would_not_come_back_is_refused(value):
    with pytest.raises(TypeError, match="values that JSON can hold"):
        make().signer("mail").sign(value)


@pytest.mark.parametrize("purpose", ["", "  ", "x" * 201, None, 3])
def test_a_purpose_is_a_name(purpose):
    with pytest.raises((TypeError, ValueError), match="password-reset"):
        make().signer(purpose)


@pytest.mark.parametrize("max_age", [0, -1, float("nan")])
def test_a_wrong_age_is_refused(max_age):
    signer = make().signer("mail")
    with pytest.raises(ValueError, match="max_age"):
        signer.unsign(signer.sign("x"), max_age=max_age)


# --- A key that was made up ---------------------------------------------------------------------


def test_a_missing_key_is_told_of_once_and_only_where_something_signs(connect, caplog):
    caplog.set_level(logging.WARNING)
    app = Flasgo(settings={"SESSION_COOKIE_SECURE": False})
    app.get("/plain")(lambda: "x")

    @app.get("/session")
    def session(request):
        request.session["a"] = 1
        return request.csrf_token

    def told() -> int:
        return caplog.text.count("SECRET_KEY is not set")

    client = connect(app)
    client.get("/plain", headers={"cookie": "session=junk"})
    assert told() == 0
    for _ in range(3):
        client.get("/session")
    app.signer("mail").sign("x")
    assert told() == 1
