"""Where a server may connect to on somebody else's word: the guard against SSRF (CWE-918)."""

from flasgo_security.outbound.config import SSRFConfig
from flasgo_security.outbound.guard import SSRFGuard
from flasgo_security.outbound.resolvers import Resolver
from flasgo_security.outbound.targets import OutboundTarget
from flasgo_security.outbound.violations import SSRFViolation

__all__ = ["OutboundTarget", "Resolver", "SSRFConfig", "SSRFGuard", "SSRFViolation"]
