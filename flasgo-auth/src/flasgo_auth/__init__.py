"""Users, authentication backends and permissions for Flasgo."""

from flasgo_auth.backends import AuthBackend, AuthFunction
from flasgo_auth.bearer import (
    MAX_TOKEN_BYTES,
    BearerTokenBackend,
    TokenValidator,
    bearer_token_backend,
    extract_bearer_token,
)
from flasgo_auth.current import current_user
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
from flasgo_auth.users import ANONYMOUS, User, UserId

__all__ = [
    "ANONYMOUS",
    "MAX_TOKEN_BYTES",
    "AllOf",
    "AllowAny",
    "AnyOf",
    "AuthBackend",
    "AuthFunction",
    "AuthPlugin",
    "AuthPolicy",
    "BearerTokenBackend",
    "Check",
    "HasScope",
    "IsAuthenticated",
    "Not",
    "Permission",
    "PermissionLike",
    "TokenValidator",
    "User",
    "UserId",
    "authorize",
    "bearer_token_backend",
    "current_user",
    "extract_bearer_token",
]
