"""JSON Web Tokens as bearer tokens (RFC 7519, RFC 8725)."""

from __future__ import annotations

import binascii
import logging
import re
import time
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import TYPE_CHECKING, TypeAlias, cast

import msgspec
from flasgo import ConfigurationError, Connection, Flasgo
from flasgo.plugin import is_async

from flasgo_auth.backends.authorization import check_realm, read_authorization
from flasgo_auth.backends.backend import AuthBackend
from flasgo_auth.backends.bearer import (
    MAX_TOKEN_BYTES,
    bearer_challenge,
    check_token_scheme,
    checked_token_url,
    extract_bearer_token,
    password_flow,
)
from flasgo_auth.backends.jwks import JwksSource
from flasgo_auth.backends.jwt_keys import (
    ALGORITHMS,
    JwtKey,
    JwtKeys,
    import_joserfc,
    read_keys,
)
from flasgo_auth.users import User
from flasgo_auth.workers import check_function, runner

if TYPE_CHECKING:
    from joserfc.jws import JWSAlgModel, JWSRegistry

__all__ = [
    "Claims",
    "ClaimsLoader",
    "InvalidTokenError",
    "JwtBackend",
    "JwtVerifier",
    "jwt_backend",
]

Claims: TypeAlias = Mapping[str, object]
"""The claims of a token whose signature, times, issuer and audience were checked."""

ClaimsLoader: TypeAlias = Callable[[Claims], User | Awaitable[User | None] | None]
"""A function `(claims) -> User | None`, sync or async."""

_MAX_HEADER_BYTES = 512  # of base64url; what joserfc takes as well
_MAX_LEEWAY = 600
_COOKIE = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_IAT_LEEWAY = 60
_END = 2.0**53  # later than any time that a float tells apart from its neighbours

_decode = msgspec.json.Decoder(dict[str, object]).decode
_logger = logging.getLogger("flasgo.auth")


class InvalidTokenError(Exception):
    """Raised when a token is not to be believed. The message never shows the token."""


class UnknownKeyError(InvalidTokenError):
    """Raised when a token names a key that is not there; it may have come since."""


class JwtVerifier:
    """Tells the claims of tokens that are to be believed.

    Args:
        key: One key; or
        keys: several, by their `kid` or as a JWK Set.
        algorithm: The one algorithm that tokens may be signed with.
        issuer: Who may have issued a token, as its `iss` says; None for anybody with the key.
        audience: Which of the names in `aud` mean this app; None refuses tokens with an `aud`.
        token_type: What the header's `typ` must say, such as `at+jwt`; None for anything.
        leeway: Seconds by which the clocks of issuer and app may differ.
        clock: Seconds since the epoch.

    Raises:
        ConfigurationError: When an argument cannot do what it is for.
        ImportError: When joserfc is not installed.
    """

    def __init__(
        self,
        key: JwtKey | None = None,
        *,
        keys: JwtKeys | None = None,
        algorithm: str,
        issuer: str | Collection[str] | None = None,
        audience: str | Collection[str] | None = None,
        token_type: str | None = None,
        leeway: float = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not 0 <= leeway <= _MAX_LEEWAY:
            raise ConfigurationError(
                f"jwt_backend(leeway={leeway!r}): give 0 to {_MAX_LEEWAY} seconds."
            )
        self._algorithm = algorithm
        self._keys = read_keys(key, keys, algorithm)
        self._has_lone_key = len(self._keys) == 1
        self._issuers = _names("issuer", issuer)
        self._audiences = _names("audience", audience)
        self._type = None if token_type is None else _media_type(token_type)
        self._leeway = leeway
        self._clock = clock
        self._registry = _registry_for(algorithm)

    def verify(self, token: str) -> Claims:
        """Return the claims of a token.

        Args:
            token: The token in its compact form. SECURITY: bound its length before calling.

        Raises:
            InvalidTokenError: When it is not to be believed, for whatever reason.
        """
        # SECURITY: nothing of the claims is read before the signature holds.
        claims = _object(self._verified_payload(token), "claims")
        self._check_times(claims)
        self._check_parties(claims)
        return claims

    def _verified_payload(self, token: str) -> bytes:
        from joserfc.errors import JoseError
        from joserfc.jws import deserialize_compact

        key = self._keys[self._kid_of(self._header_of(token))]
        try:
            payload = deserialize_compact(token, key, registry=self._registry).payload
        except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise InvalidTokenError(
                f"the signature does not hold: {type(error).__name__}"
            ) from None
        if payload is None:
            raise InvalidTokenError("there is no payload")
        return payload

    def _header_of(self, token: str) -> dict[str, object]:
        segments = token.split(".")
        if len(segments) != 3 or len(segments[0]) > _MAX_HEADER_BYTES:
            raise InvalidTokenError("it is not a signed token in compact form")
        encoded = segments[0]
        try:
            text = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        except (ValueError, binascii.Error):
            raise InvalidTokenError("the header is not base64url") from None
        header = _object(text, "header")
        # SECURITY: the token does not choose how it is verified (RFC 8725, section 3.1).
        if header.get("alg") != self._algorithm:
            raise InvalidTokenError("the algorithm is another one")
        # RFC 7797, section 7: b64 is not for tokens; no other extension is understood here.
        if "crit" in header or "b64" in header:
            raise InvalidTokenError("the header asks for extensions")
        if self._type is not None and _media_type(header.get("typ")) != self._type:
            raise InvalidTokenError("the type is another one")
        return header

    def _kid_of(self, header: dict[str, object]) -> str | None:
        """Return under which name the key is kept."""
        given = header.get("kid")
        lone = next(iter(self._keys)) if self._has_lone_key else None
        if self._has_lone_key and (given is None or lone is None):
            return lone
        if isinstance(given, str) and given in self._keys:
            return given
        raise UnknownKeyError("the key is unknown")

    def _check_times(self, claims: Claims) -> None:
        now = self._clock()
        expires = _time_of(claims, "exp")
        if expires is None:
            raise InvalidTokenError("exp is missing")
        if now >= expires + self._leeway:
            raise InvalidTokenError("it has expired")
        # RFC 7519 has `iat` for a token's age only: one by a clock that is a little ahead is good,
        # one of next year was not made by a clock.
        for name, leeway in (("nbf", self._leeway), ("iat", max(self._leeway, _IAT_LEEWAY))):
            begins = _time_of(claims, name)
            if begins is not None and now < begins - leeway:
                raise InvalidTokenError(f"{name} is in the future")

    def _check_parties(self, claims: Claims) -> None:
        issuer, audience = claims.get("iss"), claims.get("aud")
        if self._issuers is not None and not (isinstance(issuer, str) and issuer in self._issuers):
            raise InvalidTokenError("iss is another issuer")
        if self._audiences is None:
            # RFC 7519, section 4.1.3: an audience that is not named must refuse.
            if "aud" in claims:
                raise InvalidTokenError("it has an aud, and no audience= is configured")
            return
        named = audience if isinstance(audience, list) else [audience]
        if not any(isinstance(name, str) and name in self._audiences for name in named):
            raise InvalidTokenError("aud is another audience")


class JwtBackend(AuthBackend):
    """Recognises users by JSON Web Tokens.

    Args:
        verifier: Tells which tokens to believe; or gives what does, from the keys of an address.
        load_user: Takes the claims, returns the user or None; None makes one of the claims.
        realm: What the challenge calls the protected space.
        blocking: Whether a `def load_user` may block, and so runs in a worker thread.
        scheme: The scheme before the token in `Authorization`.
        cookie: The cookie that carries the token instead; None for `Authorization`.
        token_url: Where tokens are given for a name and a password; None when they are not.

    Raises:
        TypeError: When `load_user` is not a function.
        ValueError: When the realm, the scheme, the token URL or the cookie's name is malformed.
    """

    def __init__(
        self,
        verifier: JwtVerifier | JwksSource,
        *,
        load_user: ClaimsLoader | None,
        realm: str,
        blocking: bool,
        scheme: str = "Bearer",
        cookie: str | None = None,
        token_url: str | None = None,
    ) -> None:
        self._token_url = checked_token_url("jwt_backend", token_url)
        if cookie is not None and not (isinstance(cookie, str) and _COOKIE.fullmatch(cookie)):
            raise ValueError(
                f"{cookie!r} cannot name the cookie of a token; use letters, digits, '-' and '_'."
            )
        self._scheme, self._cookie = check_token_scheme(scheme), cookie
        if load_user is None:
            load_user, blocking = user_of_claims, False
        check_function(load_user, "jwt_backend(load_user=...)", "(claims) -> User | None")
        self._verifier = verifier
        self._load = runner(load_user, blocking=blocking)
        self.is_immediate = isinstance(verifier, JwtVerifier) and not is_async(load_user)
        self._challenge = f'{scheme} realm="{check_realm(realm)}"'

    async def authenticate(self, request: Connection) -> User | None:
        """Return the user of the request's token, or None."""
        token = self._token(request)
        if token is None:
            return None
        try:
            claims = await self._claims(request, token)
        except InvalidTokenError as error:
            _logger.debug("A token was refused: %s.", error)
            return None
        return await self._load(request, claims)

    async def _claims(self, request: Connection, token: str) -> Claims:
        source = self._verifier
        if isinstance(source, JwtVerifier):
            return source.verify(token)
        verifier = await source.verifier(request.app)
        try:
            return verifier.verify(token)
        except UnknownKeyError:
            newer = await source.verifier(request.app, instead_of=verifier)
            if newer is verifier:
                raise
            return newer.verify(token)

    def has_credentials(self, request: Connection) -> bool:
        """Return whether there is a token."""
        return self._token(request) is not None

    def _token(self, request: Connection) -> str | None:
        if self._cookie is None:
            return extract_bearer_token(request, scheme=self._scheme)
        if request.raw_header(b"cookie") is None:
            return None
        # SECURITY: of two cookies of one name, another host of the domain may have set the first.
        found = request.cookies.getlist(self._cookie)
        return found[0] if len(found) == 1 and 0 < len(found[0]) <= MAX_TOKEN_BYTES else None

    def challenge(self, request: Connection, *, forbidden: bool = False) -> str | None:
        """Return the challenge, with the error code of RFC 6750, section 3.1."""
        return bearer_challenge(self._challenge, read_authorization(request), forbidden=forbidden)

    def openapi_scheme(self, app: Flasgo) -> dict[str, object]:
        """Return the HTTP scheme with the token's format, the cookie, or the password flow."""
        if self._cookie is not None:
            return {"type": "apiKey", "in": "cookie", "name": self._cookie}
        if self._token_url is not None:
            return password_flow(self._token_url)
        scheme: dict[str, object] = {"type": "http", "scheme": self._scheme.lower()}
        # OpenAPI 3.1, security scheme object: the format is one of the scheme "bearer" alone.
        return scheme | {"bearerFormat": "JWT"} if scheme["scheme"] == "bearer" else scheme


def jwt_backend(
    key: JwtKey | None = None,
    *,
    keys: JwtKeys | None = None,
    jwks_url: str | None = None,
    algorithm: str,
    issuer: str | Collection[str] | None = None,
    audience: str | Collection[str] | None = None,
    token_type: str | None = None,
    leeway: float = 0,
    load_user: ClaimsLoader | None = None,
    realm: str = "api",
    blocking: bool = True,
    scheme: str = "Bearer",
    cookie: str | None = None,
    token_url: str | None = None,
) -> JwtBackend:
    """Return a backend that recognises users by JSON Web Tokens in the `Authorization` header.

    A token counts when it is signed with one of the keys and the one algorithm, has an `exp` that
    lies ahead, `nbf` and `iat` that do not (`iat` by at most a minute), and the issuer and the
    audience asked for. All else is answered with 401. Needs joserfc:
    `pip install 'flasgo-auth[jwt]'`.

    Args:
        key: The one key: a secret for HS*, the PEM of a public key for the others, or a JWK.
        keys: Several keys by their `kid`, or a JWK Set as decoded from JSON. A token must name
            its key by `kid`, unless there is only one.
        jwks_url: The address of a JWK Set, fetched through the guard for outbound requests of
            flasgo-security (extra `httpx2`): kept for 10 minutes, fetched again when a token
            names an unknown key, at most every 30 seconds, and used for a day while the address
            does not answer.
        algorithm: Such as `HS256`, `RS256`, `ES256` or `EdDSA`. One only: a token must not choose
            how it is verified (RFC 8725, section 3.1).
        issuer: Who may have issued a token, as its `iss` says; None for anybody with the key.
        audience: Which of the names in `aud` mean this app; None refuses tokens with an `aud`.
        token_type: What the header's `typ` must say, such as `at+jwt` (RFC 9068), where the
            issuer signs other kinds of tokens with the same key; None for anything.
        leeway: Seconds by which the clocks of issuer and app may differ.
        load_user: Takes the claims, returns the user or None; `def` or `async def`. By default
            the user has the id `sub`, the scopes of `scope` and the name `name`.
        realm: What the challenge calls the protected space.
        blocking: Whether a `def load_user` may block, and so runs in a worker thread.
        scheme: The scheme before the token in `Authorization`.
        cookie: The name of the cookie that carries the token, instead of `Authorization`.
            SECURITY: browsers send it by themselves, so unsafe requests need the CSRF token of
            flasgo-security. Set it with `HttpOnly`, `Secure` and `SameSite`, best as `__Host-...`.
        token_url: Where tokens are given for a name and a password, as for `bearer_token_backend`:
            Swagger UI shows a form for them.

    Returns:
        The backend, for `app.register_auth_backend("jwt", ...)`.

    Raises:
        ConfigurationError: When an argument cannot do what it is for: a key that does not fit the
            algorithm or is too short, an unknown algorithm.
        ImportError: When joserfc is not installed.
        TypeError: When `load_user` is not a function.
        ValueError: When the realm or the token URL is malformed.
    """

    def verifier_for(key: JwtKey | None, keys: JwtKeys | None) -> JwtVerifier:
        return JwtVerifier(
            key,
            keys=keys,
            algorithm=algorithm,
            issuer=issuer,
            audience=audience,
            token_type=token_type,
            leeway=leeway,
        )

    verifier: JwtVerifier | JwksSource
    if jwks_url is None:
        verifier = verifier_for(key, keys)
    else:
        _check_source(key, keys, algorithm)
        verifier = JwksSource(jwks_url, lambda found: verifier_for(None, found))
    return JwtBackend(
        verifier,
        load_user=load_user,
        realm=realm,
        blocking=blocking,
        scheme=scheme,
        cookie=cookie,
        token_url=token_url,
    )


def _check_source(key: object, keys: object, algorithm: str) -> None:
    if key is not None or keys is not None:
        raise ConfigurationError("jwt_backend takes key=, keys= or jwks_url=; one of them.")
    if algorithm not in ALGORITHMS:
        raise ConfigurationError(
            f"jwt_backend(algorithm={algorithm!r}): choose one of {', '.join(ALGORITHMS)}."
        )
    if ALGORITHMS[algorithm].key_type == "oct":
        raise ConfigurationError(
            f"jwt_backend(jwks_url=...) is for public keys, and {algorithm} takes a secret; choose "
            "the algorithm of the keys, such as RS256 or ES256."
        )
    import_joserfc()


def user_of_claims(claims: Claims) -> User | None:
    """Return the user that claims speak of, or None where they do not name one.

    Args:
        claims: `sub` becomes the id, `scope` (or `scp`) the scopes, `name` the name.
    """
    subject, name = claims.get("sub"), claims.get("name")
    scope = claims.get("scope", claims.get("scp", ""))
    scopes = scope.split() if isinstance(scope, str) else scope
    if not isinstance(subject, str) or not subject or not isinstance(scopes, list):
        return None
    try:
        return User(
            id=subject,
            scopes=frozenset(cast("list[str]", scopes)),
            name=name if isinstance(name, str) else "",
            claims=claims,
        )
    except (TypeError, ValueError):
        return None  # A scope that is none: the issuer speaks of something else.


def _object(data: bytes, what: str) -> dict[str, object]:
    try:
        return _decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise InvalidTokenError(f"the {what} are no JSON object") from None


def _time_of(claims: Claims, name: str) -> float | None:
    value = claims.get(name)
    if value is None and name not in claims:
        return None
    # SECURITY: True is an int in Python, and an int may be too large to add to.
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _END:
        return float(value)
    raise InvalidTokenError(f"{name} is not a time")


def _media_type(value: object) -> str:
    # RFC 7515, section 4.1.9: "application/" may be left out, and case does not count.
    return value.lower().removeprefix("application/") if isinstance(value, str) else ""


def _names(argument: str, value: str | Collection[str] | None) -> frozenset[str] | None:
    if value is None:
        return None
    names = frozenset({value} if isinstance(value, str) else value)
    if not names or any(not isinstance(name, str) or not name for name in names):
        raise ConfigurationError(
            f"jwt_backend({argument}={value!r}): give a name, several, or None; none is empty."
        )
    return names


def _registry_for(algorithm: str) -> JWSRegistry:
    from joserfc.errors import UnsupportedAlgorithmError
    from joserfc.jws import JWSRegistry

    model = JWSRegistry.algorithms[algorithm]

    class OneAlgorithm(JWSRegistry):
        """Knows one algorithm. Unknown header parameters are ignored (RFC 7515, section 4)."""

        def get_alg(self, name: str) -> JWSAlgModel:
            if name != algorithm:
                raise UnsupportedAlgorithmError
            return model

    return OneAlgorithm(strict_check_header=False)
