"""Passwords and tokens."""

import time

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

ALGORITHM = "HS256"
_hasher = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1)
_NOBODY = _hasher.hash("the password of nobody")


def hash_password(password: str) -> str:
    return _hasher.hash(password)


def verify_password(password: str, password_hash: str | None) -> bool:
    """Compare a password; without a hash it takes as long, and is never right."""
    try:
        return _hasher.verify(password_hash or _NOBODY, password) and password_hash is not None
    except Argon2Error:
        return False


def create_token(user_id: int, secret: str, minutes: int) -> str:
    claims = {"sub": str(user_id), "exp": int(time.time()) + 60 * minutes}
    return jwt.encode({"alg": ALGORITHM}, claims, OctKey.import_key(secret))


def read_token(token: str, secret: str) -> int | None:
    """Return the id of the user that a token is for, or None."""
    try:
        claims = jwt.decode(token, OctKey.import_key(secret), algorithms=[ALGORITHM]).claims
        jwt.JWTClaimsRegistry(exp={"essential": True}).validate(claims)
        return int(claims["sub"])
    except (JoseError, ValueError, KeyError):
        return None
