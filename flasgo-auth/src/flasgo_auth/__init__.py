"""Users, authentication backends, permissions, logins and passwords for Flasgo."""

from typing import TYPE_CHECKING

from flasgo.plugin import lazy_names

from flasgo_auth.backends.backend import AuthBackend, AuthFunction
from flasgo_auth.current import current_user
from flasgo_auth.events import report_failed_login
from flasgo_auth.login import (
    SESSION_KEY,
    SessionBackend,
    UserLoader,
    login,
    logout,
    session_backend,
    write_login,
)
from flasgo_auth.login_page import safe_next
from flasgo_auth.permissions import (
    AllOf,
    AllowAny,
    AnyOf,
    Check,
    HasScope,
    IsAuthenticated,
    Not,
    Permission,
    PermissionLike,
)
from flasgo_auth.plugin import AuthPlugin
from flasgo_auth.policy import AuthPolicy, authorize
from flasgo_auth.recent_login import RecentLogin
from flasgo_auth.users import ANONYMOUS, User, UserId

if TYPE_CHECKING:
    from flasgo_auth.backends.api_key import (
        MAX_API_KEY_BYTES,
        ApiKeyBackend,
        ApiKeyValidator,
        api_key_backend,
    )
    from flasgo_auth.backends.basic import (
        BasicAuthBackend,
        BasicCredentials,
        BasicValidator,
        basic_auth_backend,
        extract_basic_credentials,
    )
    from flasgo_auth.backends.bearer import (
        MAX_TOKEN_BYTES,
        BearerTokenBackend,
        TokenValidator,
        bearer_token_backend,
        extract_bearer_token,
    )
    from flasgo_auth.backends.jwt import (
        Claims,
        ClaimsLoader,
        InvalidTokenError,
        JwtBackend,
        JwtVerifier,
        jwt_backend,
    )
    from flasgo_auth.backends.static_keys import secrets_match
    from flasgo_auth.passwords.hashing import (
        MAX_PASSWORD_BYTES,
        PasswordCheck,
        check_password_hash,
        generate_password_hash,
        hash_password,
        needs_rehash,
        verify_password,
    )
    from flasgo_auth.passwords.schemes import Argon2, PasswordScheme, Scrypt

__all__ = [
    "ANONYMOUS",
    "MAX_API_KEY_BYTES",
    "MAX_PASSWORD_BYTES",
    "MAX_TOKEN_BYTES",
    "SESSION_KEY",
    "AllOf",
    "AllowAny",
    "AnyOf",
    "ApiKeyBackend",
    "ApiKeyValidator",
    "Argon2",
    "AuthBackend",
    "AuthFunction",
    "AuthPlugin",
    "AuthPolicy",
    "BasicAuthBackend",
    "BasicCredentials",
    "BasicValidator",
    "BearerTokenBackend",
    "Check",
    "Claims",
    "ClaimsLoader",
    "HasScope",
    "InvalidTokenError",
    "IsAuthenticated",
    "JwtBackend",
    "JwtVerifier",
    "Not",
    "PasswordCheck",
    "PasswordScheme",
    "Permission",
    "PermissionLike",
    "RecentLogin",
    "Scrypt",
    "SessionBackend",
    "TokenValidator",
    "User",
    "UserId",
    "UserLoader",
    "api_key_backend",
    "authorize",
    "basic_auth_backend",
    "bearer_token_backend",
    "check_password_hash",
    "current_user",
    "extract_basic_credentials",
    "extract_bearer_token",
    "generate_password_hash",
    "hash_password",
    "jwt_backend",
    "login",
    "logout",
    "needs_rehash",
    "report_failed_login",
    "safe_next",
    "secrets_match",
    "session_backend",
    "verify_password",
    "write_login",
]

# PERF: most apps need few of these; each waits until somebody asks for it.
_HOMES = {
    "ApiKeyBackend": "backends.api_key",
    "ApiKeyValidator": "backends.api_key",
    "Argon2": "passwords.schemes",
    "BasicAuthBackend": "backends.basic",
    "BasicCredentials": "backends.basic",
    "BasicValidator": "backends.basic",
    "BearerTokenBackend": "backends.bearer",
    "Claims": "backends.jwt",
    "ClaimsLoader": "backends.jwt",
    "InvalidTokenError": "backends.jwt",
    "JwtBackend": "backends.jwt",
    "JwtVerifier": "backends.jwt",
    "MAX_API_KEY_BYTES": "backends.api_key",
    "MAX_PASSWORD_BYTES": "passwords.hashing",
    "MAX_TOKEN_BYTES": "backends.bearer",
    "PasswordCheck": "passwords.hashing",
    "PasswordScheme": "passwords.schemes",
    "Scrypt": "passwords.schemes",
    "TokenValidator": "backends.bearer",
    "api_key_backend": "backends.api_key",
    "basic_auth_backend": "backends.basic",
    "bearer_token_backend": "backends.bearer",
    "extract_basic_credentials": "backends.basic",
    "extract_bearer_token": "backends.bearer",
    "hash_password": "passwords.hashing",
    "jwt_backend": "backends.jwt",
    "needs_rehash": "passwords.hashing",
    "secrets_match": "backends.static_keys",
    "check_password_hash": "passwords.hashing",
    "generate_password_hash": "passwords.hashing",
    "verify_password": "passwords.hashing",
}

if not TYPE_CHECKING:
    # Hidden from type checkers, for which a module with __getattr__ has every name.
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
