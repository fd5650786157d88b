"""One key per purpose, and rotation."""

import hashlib
import hmac

import pytest
from flasgo_security.signing import PurposeSigner
from itsdangerous import Signer

KEY, OLD, OTHER = ("k" * 32, "o" * 32, "x" * 32)


def test_what_is_signed_can_be_verified():
    signer = PurposeSigner("a", KEY)
    assert signer.unsign(signer.sign("value")) == "value"
    assert signer.is_signature("value", signer.signature("value"))


def test_a_signature_is_worthless_for_another_purpose():
    assert PurposeSigner("b", KEY).unsign(PurposeSigner("a", KEY).sign("value")) is None


def test_fallbacks_verify_and_do_not_sign():
    old = PurposeSigner("a", OLD).sign("value")
    signer = PurposeSigner("a", KEY, [OTHER, OLD])
    assert signer.unsign(old) == "value"
    assert PurposeSigner("a", OLD).unsign(signer.sign("value")) is None
    assert PurposeSigner("a", KEY).unsign(signer.sign("value")) == "value"
    assert PurposeSigner("a", KEY).unsign(old) is None


@pytest.mark.parametrize("signed", ["", ".", "value", "value.", "value.é", ".value", "a.b.c", "\0"])
def test_anything_else_is_none(signed):
    assert PurposeSigner("a", KEY).unsign(signed) is None


def test_it_is_hmac_sha256_throughout():
    derived = hmac.new(KEY.encode(), b"flasgo.security.a", hashlib.sha256).digest()
    value, _, signature = PurposeSigner("a", KEY).sign("value").partition(".")
    reference = Signer(derived, key_derivation="none", digest_method=hashlib.sha256)
    assert reference.unsign(f"{value}.{signature}") == b"value"
