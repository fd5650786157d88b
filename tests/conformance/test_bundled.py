"""PLUG-6: every bundled plugin conforms, as it comes and with what can be switched on."""

from pathlib import Path

from flasgo_auth import AuthPlugin, AuthPolicy, HasScope
from flasgo_security import Csp, CsrfExempt, RateLimit, SecurityPlugin
from flasgo_static import StaticPlugin
from flasgo_templates import TemplatesPlugin
from flasgo_testing import TestingPlugin, conformance
from flasgo_testing.client_hooks import ClientHooks

HERE = Path(__file__).parent

test_auth = conformance.suite(AuthPlugin, policies=[AuthPolicy((HasScope("admin"),))])
test_auth_by_default = conformance.suite(
    AuthPlugin, settings={"DEFAULT_PERMISSIONS": ["IsAuthenticated"]}
)
test_security = conformance.suite(
    SecurityPlugin, policies=[RateLimit(1000, 60), CsrfExempt(), Csp()]
)
test_security_with_tight_quotas = conformance.suite(
    SecurityPlugin,
    policies=[RateLimit(2, 60)],
    settings={"SECURITY_FAILURE_RATE_LIMIT": 1, "RATELIMIT_MAX_KEYS": 1},
)
test_static = conformance.suite(StaticPlugin, options={"static_folder": str(HERE)})
test_templates = conformance.suite(TemplatesPlugin)
test_testing = conformance.suite(TestingPlugin)
test_client_hooks = conformance.suite(ClientHooks)
