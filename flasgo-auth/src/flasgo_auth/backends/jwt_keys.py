"""The keys that JSON Web Tokens are verified with: read, and judged, when the app is set up."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

from flasgo import ConfigurationError

if TYPE_CHECKING:
    from joserfc.jwk import Key

__all__ = ["ALGORITHMS", "JwtKey", "JwtKeys", "import_joserfc", "read_keys"]

JwtKey: TypeAlias = str | bytes | Mapping[str, object]
"""A secret for HS*, else a PEM or SSH public key or a certificate; or a JWK as a mapping."""

JwtKeys: TypeAlias = Mapping[str, JwtKey] | Mapping[str, object]
"""Keys by their `kid`, or a JWK Set as decoded from JSON: `{"keys": [...]}`."""


@dataclass(frozen=True)
class Algorithm:
    """What an algorithm asks of its keys.

    Attributes:
        key_type: The JWK type.
        least: The least size: bytes of a secret (RFC 7518, section 3.2), bits of an RSA modulus
            (section 3.3); 0 where the curve says it.
        curves: The curves that fit.
    """

    key_type: str
    least: int = 0
    curves: frozenset[str] = frozenset()


_EDWARDS = frozenset({"Ed25519", "Ed448"})

ALGORITHMS: Mapping[str, Algorithm] = {
    "HS256": Algorithm("oct", 32),
    "HS384": Algorithm("oct", 48),
    "HS512": Algorithm("oct", 64),
    **{
        f"{kind}{size}": Algorithm("RSA", 2048) for kind in ("RS", "PS") for size in (256, 384, 512)
    },
    "ES256": Algorithm("EC", curves=frozenset({"P-256"})),
    "ES384": Algorithm("EC", curves=frozenset({"P-384"})),
    "ES512": Algorithm("EC", curves=frozenset({"P-521"})),
    "EdDSA": Algorithm("OKP", curves=_EDWARDS),
    "Ed25519": Algorithm("OKP", curves=frozenset({"Ed25519"})),
}
"""The algorithms a backend can be fixed to. `none` is not one of them."""


def import_joserfc() -> None:
    """Import the library that verifies tokens; it is heavy, so only where it is used.

    Raises:
        ImportError: When it is not installed; the message is the command that installs it.
    """
    try:
        importlib.import_module("joserfc.jwk")
    except ModuleNotFoundError as exc:
        if (exc.name or "").partition(".")[0] != "joserfc":
            raise
        raise ImportError(
            "jwt_backend needs joserfc, which is not installed. Install it with: "
            "pip install 'flasgo-auth[jwt]'",
            name="joserfc",
        ) from None


def read_keys(key: JwtKey | None, keys: JwtKeys | None, algorithm: str) -> dict[str | None, Key]:
    """Return the keys by their `kid`; a lone key without one stands under None.

    Args:
        key: One key.
        keys: Several, by their `kid` or as a JWK Set.
        algorithm: The algorithm that all of them are for.

    Raises:
        ConfigurationError: When a key is missing, of the wrong kind, or too weak; the message
            never shows it.
        ImportError: When joserfc is not installed.
    """
    if algorithm not in ALGORITHMS:
        raise ConfigurationError(
            f"jwt_backend(algorithm={algorithm!r}): choose one of {', '.join(ALGORITHMS)}."
        )
    if (key is None) == (keys is None):
        raise ConfigurationError("jwt_backend takes one key, or several as keys=; not both.")
    import_joserfc()
    if key is not None:
        single = _read(key, algorithm, "The key")
        return {single.kid: single}
    if not isinstance(keys, Mapping):
        raise ConfigurationError(
            "jwt_backend(keys=...) takes a dict of keys by their kid, or a JWK Set; got "
            f"{type(keys).__name__}."
        )
    listed = keys.get("keys")
    if isinstance(listed, (list, tuple)):
        found = _read_set(cast("Iterable[Mapping[str, object]]", listed), algorithm)
    else:
        found = {
            kid: _read(cast("JwtKey", value), algorithm, f"The key {kid!r}")
            for kid, value in keys.items()
        }
    if not found:
        raise ConfigurationError(f"None of the keys is for {algorithm}; jwt_backend needs one.")
    return cast("dict[str | None, Key]", found)


def _read_set(listed: Iterable[Mapping[str, object]], algorithm: str) -> dict[str | None, Key]:
    found: dict[str | None, Key] = {}
    for number, item in enumerate(listed, 1):
        if not isinstance(item, Mapping):
            raise ConfigurationError(f"Key {number} of the JWK Set is not a JSON object.")
        if not _is_for(item, algorithm):
            continue  # RFC 7517, section 5: what is for something else is passed over.
        key = _read(item, algorithm, f"Key {number} of the JWK Set")
        if key.kid in found or (key.kid is None and found) or None in found:
            raise ConfigurationError(
                f"Key {number} of the JWK Set cannot be told from another: each needs its own kid."
            )
        found[key.kid] = key
    return found


def _is_for(jwk: Mapping[str, object], algorithm: str) -> bool:
    wanted = ALGORITHMS[algorithm]
    return (
        jwk.get("kty") == wanted.key_type
        and jwk.get("use", "sig") == "sig"
        and jwk.get("alg", algorithm) == algorithm
        and (not wanted.curves or jwk.get("crv") in wanted.curves)
    )


def _read(given: JwtKey, algorithm: str, name: str) -> Key:
    from joserfc.errors import JoseError
    from joserfc.jwk import import_key

    wanted = ALGORITHMS[algorithm]
    if not isinstance(given, (str, bytes, Mapping)) or not given:
        raise ConfigurationError(
            f"{name} of jwt_backend is a {type(given).__name__}; give a secret or a PEM as str or "
            "bytes, or a JWK as a dict."
        )
    data = dict(given) if isinstance(given, Mapping) else given
    _check_secret(data, wanted, algorithm, name)
    try:
        with warnings.catch_warnings():
            # What the library warns of is refused below, in words that name the argument.
            warnings.simplefilter("ignore")
            key = import_key(data, wanted.key_type)  # ty: ignore[no-matching-overload]
        key.check_use("sig")
        key.check_alg(algorithm)
    # SECURITY: the cause may quote the key; what is left out here cannot end in a log.
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise ConfigurationError(
            f"{name} of jwt_backend is no {wanted.key_type} key for {algorithm} "
            f"({type(error).__name__}). {_ADVICE[wanted.key_type]}"
        ) from None
    _check_strength(key, wanted, algorithm, name)
    return key


_ADVICE = {
    "oct": "Give a random secret; an asymmetric key is for RS*, PS*, ES* and EdDSA.",
    "RSA": "Give the PEM of an RSA public key, or its JWK.",
    "EC": "Give the PEM of a public key on the algorithm's curve, or its JWK.",
    "OKP": "Give the PEM of an Ed25519 public key, or its JWK.",
}


_KEY_MARKS = (b"-----BEGIN ", b"---- BEGIN ", b"ssh-rsa ", b"ssh-ed25519 ", b"ecdsa-sha2-")


def _check_secret(
    data: str | bytes | dict[str, object], wanted: Algorithm, algorithm: str, name: str
) -> None:
    """Refuse what is no secret, or a short one, before the library speaks of it in its words."""
    if wanted.key_type != "oct" or isinstance(data, dict):
        return
    secret = data.encode() if isinstance(data, str) else data
    # SECURITY: a public key is public, and makes a poor secret (RFC 8725, section 2.1).
    if any(mark in secret for mark in _KEY_MARKS):
        raise ConfigurationError(
            f"{name} of jwt_backend is an asymmetric key, and {algorithm} takes a secret. "
            "Choose the algorithm of the key, such as RS256 or ES256."
        )
    if len(secret) < wanted.least:
        raise _too_weak(name, algorithm, f"{len(secret)} bytes", f"{wanted.least} bytes")


def _check_strength(key: Key, wanted: Algorithm, algorithm: str, name: str) -> None:
    from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

    if isinstance(key, OctKey) and len(key.raw_value) < wanted.least:
        raise _too_weak(name, algorithm, f"{len(key.raw_value)} bytes", f"{wanted.least} bytes")
    if isinstance(key, RSAKey) and key.raw_value.key_size < wanted.least:
        raise _too_weak(name, algorithm, f"{key.raw_value.key_size} bits", f"{wanted.least} bits")
    if isinstance(key, (ECKey, OKPKey)) and key.curve_name not in wanted.curves:
        raise ConfigurationError(
            f"{name} of jwt_backend is on the curve {key.curve_name}; {algorithm} needs "
            f"{' or '.join(sorted(wanted.curves))}."
        )


def _too_weak(name: str, algorithm: str, found: str, least: str) -> ConfigurationError:
    return ConfigurationError(
        f"{name} of jwt_backend has {found}; {algorithm} needs at least {least} (RFC 7518, "
        "section 3). Make a longer one, for a secret with `openssl rand -hex 64`."
    )
