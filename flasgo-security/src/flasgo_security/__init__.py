"""Host allow-list, CORS, CSRF, sessions, hardened headers, throttling and rate limits."""

from typing import TYPE_CHECKING

from flasgo.plugin import lazy_names

from flasgo_security.cors import Cors, cors
from flasgo_security.csp import ContentSecurityPolicy
from flasgo_security.csrf import CsrfExempt, csrf_exempt
from flasgo_security.events import SecurityEvent, security_event
from flasgo_security.headers import Csp, csp
from flasgo_security.plugin import SecurityPlugin
from flasgo_security.quotas.policy import (
    RateLimit,
    RateLimitExempt,
    rate_limit,
    ratelimit_exempt,
)
from flasgo_security.quotas.ratelimit import QuotaStatus
from flasgo_security.sessions.proxy import session
from flasgo_security.sessions.session import Session
from flasgo_security.templating import csrf_input, csrf_token

# One thing, both spellings: the app's methods and these functions are found under either.
ratelimit = rate_limit
rate_limit_exempt = ratelimit_exempt

if TYPE_CHECKING:
    from flasgo_security.outbound import OutboundTarget, SSRFConfig, SSRFGuard, SSRFViolation
    from flasgo_security.sessions.flashes import flash, get_flashed_messages
    from flasgo_security.sessions.store import SessionStore
    from flasgo_security.stores.health import StoreDownError
    from flasgo_security.tokens import ExpiredTokenError, SignedTokenError, TimedSigner

__all__ = [
    "ContentSecurityPolicy",
    "Cors",
    "Csp",
    "CsrfExempt",
    "ExpiredTokenError",
    "OutboundTarget",
    "QuotaStatus",
    "RateLimit",
    "RateLimitExempt",
    "SSRFConfig",
    "SSRFGuard",
    "SSRFViolation",
    "SecurityEvent",
    "SecurityPlugin",
    "Session",
    "SessionStore",
    "SignedTokenError",
    "StoreDownError",
    "TimedSigner",
    "cors",
    "csp",
    "csrf_exempt",
    "csrf_input",
    "csrf_token",
    "flash",
    "get_flashed_messages",
    "rate_limit",
    "rate_limit_exempt",
    "ratelimit",
    "ratelimit_exempt",
    "security_event",
    "session",
]

# PERF: most apps need few of these; each waits until somebody asks for it.
_HOMES = {
    "OutboundTarget": "outbound",
    "SSRFConfig": "outbound",
    "SSRFGuard": "outbound",
    "SSRFViolation": "outbound",
    "ExpiredTokenError": "tokens",
    "SignedTokenError": "tokens",
    "SessionStore": "sessions.store",
    "StoreDownError": "stores.health",
    "TimedSigner": "tokens",
    "flash": "sessions.flashes",
    "get_flashed_messages": "sessions.flashes",
}

if not TYPE_CHECKING:
    # Hidden from type checkers, for which a module with __getattr__ has every name.
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
