"""What `flasgo check` says."""

import json
import subprocess
import sys

import pytest
from flasgo import hookimpl
from flasgo_security import ContentSecurityPolicy, csp, rate_limit
from flasgo_security.checks import unsafe_scripts


def findings(app, *, deploy: bool):
    found = [
        finding
        for answer in app.plugins.call_all("check_app", app, deploy)
        for finding in answer or ()
    ]
    assert all(finding.message and finding.fix for finding in found)
    return found


def codes(app, *, deploy: bool) -> set[str]:
    return {finding.code for finding in findings(app, deploy=deploy)}


def test_the_defaults_are_fine(make_app):
    assert codes(make_app(), deploy=False) == set()
    app = make_app()
    assert codes(app, deploy=True) == {"security.I001", "security.I003"}
    assert {finding.level for finding in findings(app, deploy=True)} == {"info"}


def test_a_careful_configuration_is_flawless(make_app):
    app = make_app(
        ALLOWED_HOSTS={"example.com"},
        SECURITY_FAILURE_RATE_LIMIT=100,
        TRUSTED_PROXIES={"10.0.0.0/8", "unix"},
        TRUSTED_PROXY_HEADERS={"x-forwarded-for", "x-forwarded-proto"},
        CORS_ORIGINS={"https://app.example.com", "http://localhost:3000"},
        CSRF_TRUSTED_ORIGINS={"https://*.example.com"},
    )
    assert findings(app, deploy=True) == []


WEAK = [
    ({"ALLOWED_HOSTS": {"*"}}, "W001"),
    ({"CSRF_ENABLED": False}, "W002"),
    ({"WEBSOCKET_ORIGIN_CHECK": False}, "W013"),
    ({"SESSION_COOKIE_HTTP_ONLY": False}, "W003"),
    ({"TRUSTED_PROXIES": {"0.0.0.0/0"}}, "E002"),
    ({"TRUSTED_PROXIES": {"::/0", "10.0.0.1"}}, "E002"),
]
WEAK_IN_PRODUCTION = [
    ({"SESSION_COOKIE_SECURE": False}, "E001"),
    ({"CSRF_COOKIE_SECURE": False}, "E001"),
    ({"CONTENT_SECURITY_POLICY": None}, "W004"),
    ({"SESSION_COOKIE_SAMESITE": "none"}, "W005"),
    ({"CONTENT_SECURITY_POLICY": "script-src 'self' 'unsafe-inline'"}, "W006"),
    ({"CONTENT_SECURITY_POLICY": "default-src *; frame-ancestors 'none'"}, "W006"),
    ({"X_FRAME_OPTIONS": None, "CONTENT_SECURITY_POLICY": "default-src 'self'"}, "W007"),
    ({"X_CONTENT_TYPE_OPTIONS": ""}, "W008"),
    ({"STRICT_TRANSPORT_SECURITY": None}, "W009"),
    ({"CSRF_TRUSTED_ORIGINS": {"http://app.example.com"}}, "W010"),
    ({"CORS_ORIGINS": {"http://app.example.com"}}, "W010"),
    ({"CORS_ORIGINS": {"*"}}, "I002"),
    ({"RATELIMIT_STORAGE_URI": "redis://localhost", "RATELIMIT_STORAGE_FAILURE": "open"}, "I004"),
    ({"RATELIMIT_STORAGE_URI": "redis://cache.internal:6379"}, "I006"),
    ({"SESSION_STORE_URI": "redis://:secret@10.0.0.5:6379/0"}, "I006"),
    ({"SESSION_COOKIE_DOMAIN": "example.com"}, "I007"),
    ({"SESSION_COOKIE_NAME": "__Secure-id"}, "I007"),
    ({"CONTENT_SECURITY_POLICY": "img-src 'self'"}, "W006"),
    ({"CLIENT_IPV6_PREFIX": 128, "SECURITY_FAILURE_RATE_LIMIT": 10}, "W012"),
]


@pytest.mark.parametrize(("settings", "code"), WEAK)
def test_weak_settings_are_always_found(make_app, settings, code):
    app = make_app(**settings)
    assert codes(app, deploy=False) == {f"security.{code}"}
    assert f"security.{code}" in codes(app, deploy=True)


@pytest.mark.parametrize(("settings", "code"), WEAK_IN_PRODUCTION)
def test_settings_that_are_weak_in_production_are_found_there(make_app, settings, code):
    app = make_app(**settings)
    assert codes(app, deploy=False) == set()
    assert codes(app, deploy=True) - {"security.I001", "security.I003"} == {f"security.{code}"}
    assert "secret" not in str(findings(app, deploy=True))


@pytest.mark.parametrize("uri", ["rediss://cache.internal", "redis://127.0.0.1", "redis+unix:///s"])
def test_tls_loopback_and_sockets_are_fine(make_app, uri):
    assert "security.I006" not in codes(make_app(SESSION_STORE_URI=uri), deploy=True)


def test_quotas_of_one_process_are_pointed_out(make_app):
    app = make_app()
    app.get("/")(rate_limit(1, 60)(lambda: "x"))
    assert "security.I005" in codes(app, deploy=True)


def test_quotas_by_single_addresses_of_ipv6_are_pointed_out(make_app):
    app = make_app(CLIENT_IPV6_PREFIX=80)
    assert "security.W012" not in codes(app, deploy=True)  # nothing is counted
    app.get("/")(rate_limit(1, 60)(lambda: "x"))
    [found] = [each for each in findings(app, deploy=True) if each.code == "security.W012"]
    assert "2**16 " in found.message


def test_what_plugins_add_to_the_policy_is_judged_too(make_app):
    class Widgets:
        name = "widgets"

        @hookimpl(optionalhook=True)
        def csp_sources(self):
            return {"script-src": ["'unsafe-inline'"]}

    assert "security.W006" in codes(make_app(Widgets()), deploy=True)


def test_what_single_routes_let_run_is_judged_too(make_app):
    app = make_app()
    inline = csp(script_src=["'self'", "'unsafe-inline'"])
    for number, decorate in enumerate((inline, csp(img_src="*"), csp(""), inline, inline)):
        app.get(f"/{number}", endpoint=f"page{number}")(decorate(lambda: "x"))
    [found] = [each for each in findings(app, deploy=True) if each.code == "security.W011"]
    assert "'/0', '/2', '/3' and 1 more" in found.message


@pytest.mark.parametrize(
    ("policy", "unsafe"),
    [
        ("", []),
        ("default-src 'self'", []),
        ("script-src 'none'; default-src *", []),
        ("img-src 'self'", ["anywhere: it has neither script-src nor default-src"]),
        ("default-src HTTPS:", ["https:"]),
        ("script-src 'Unsafe-Inline' 'unsafe-eval'", ["'unsafe-eval'", "'unsafe-inline'"]),
        ("script-src 'unsafe-inline' 'sha256-AAAA' https://a.example", []),
        ("script-src 'unsafe-inline' 'sha256-AAAA' https:", ["https:"]),
        ("script-src 'unsafe-inline' 'sha256-AAAA' https: 'strict-dynamic'", []),
        ("script-src * 'strict-dynamic'", ["*"]),
    ],
)
def test_which_policies_let_nearly_anything_run(policy, unsafe):
    assert unsafe_scripts(ContentSecurityPolicy(policy)) == unsafe


@pytest.mark.parametrize(
    ("settings", "failing"),
    [
        ({}, None),
        ({"CSRF_ENABLED": False}, "security.W002"),
        ({"TRUSTED_PROXIES": ["0.0.0.0/0"]}, "security.E002"),
        ({"SESSION_COOKIE_SECURE": False}, "security.E001"),
    ],
)
def test_the_command_line_fails_on_what_matters(tmp_path, settings, failing):
    pytest.importorskip("typer")
    settings = {"SECRET_KEY": "0f3b1c9a7d5e42608b1f6c2d9e7a4b53", **settings}
    (tmp_path / "app.py").write_text(
        "import json\nfrom flasgo import Flasgo\n"
        f"app = Flasgo(settings=json.loads({json.dumps(json.dumps(settings))}))\n"
        "app.get('/')(lambda: 'x')\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "flasgo", "check", "--deploy", "--json", "--app", "app.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    found = {finding["code"]: finding for finding in json.loads(done.stdout)}
    assert done.returncode == (1 if failing else 0), done.stderr
    if failing:
        assert found[failing]["message"]
        assert found[failing]["fix"]


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"SSRF_ALLOWED_NETWORKS": {"10.0.0.0/8"}}, "security.W016"),
        ({"SSRF_ALLOW_UNRESOLVED": True}, "security.W017"),
        ({"SSRF_ALLOW_CREDENTIALS": True}, "security.I009"),
    ],
)
def test_what_the_guard_of_outbound_requests_lets_pass_is_told(make_app, settings, code):
    assert code in codes(make_app(**settings), deploy=True)
    assert code not in codes(make_app(), deploy=True)
