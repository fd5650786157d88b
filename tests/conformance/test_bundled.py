"""PLUG-6: every bundled plugin conforms."""

from flasgo_auth import AuthPlugin, AuthPolicy, HasScope
from flasgo_security import Csp, CsrfExempt, RateLimit, SecurityPlugin
from flasgo_static import StaticPlugin
from flasgo_templates import TemplatesPlugin
from flasgo_testing import TestingPlugin, conformance

test_auth = conformance.suite(AuthPlugin, policies=[AuthPolicy((HasScope("admin"),))])
test_security = conformance.suite(SecurityPlugin)
test_static = conformance.suite(StaticPlugin)
test_templates = conformance.suite(TemplatesPlugin)
test_testing = conformance.suite(TestingPlugin)
