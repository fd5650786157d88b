"""Why each finding of `flasgo check` about this plugin matters, and which setting it is about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from flasgo import Finding
from msgspec import structs

__all__ = ["REASONS", "Reason", "explained"]


class Reason(NamedTuple):
    """Why a code matters.

    Attributes:
        why: What an attacker can do.
        setting: The setting; empty where there is none, or more than one.
    """

    why: str
    setting: str = ""


_SCRIPTS = "A script that gets into a page runs with all the rights of its reader (CWE-79)."
_PROXY = "Clients choose the address, scheme or prefix that the app believes (CWE-348)."

REASONS = {
    "security.E001": Reason(
        "An attacker on the network can take over the session (CWE-614).",
    ),
    "security.E002": Reason(_PROXY, "TRUSTED_PROXIES"),
    "security.W001": Reason(
        "Links in mails and cached pages can be made to lead to another host (CWE-644).",
        "ALLOWED_HOSTS",
    ),
    "security.W002": Reason(
        "A page that a visitor opens can act in this app as that visitor (CWE-352).",
        "CSRF_ENABLED",
    ),
    "security.W003": Reason(
        "A script in a page can send the session to somebody else (CWE-1004).",
        "SESSION_COOKIE_HTTP_ONLY",
    ),
    "security.W004": Reason(_SCRIPTS, "CONTENT_SECURITY_POLICY"),
    "security.W005": Reason(
        "A page of another site can act in this app as its visitor (CWE-1275).",
        "SESSION_COOKIE_SAMESITE",
    ),
    "security.W006": Reason(_SCRIPTS, "CONTENT_SECURITY_POLICY"),
    "security.W007": Reason(
        "Another site can lay this one under its own buttons (CWE-1021).", "X_FRAME_OPTIONS"
    ),
    "security.W008": Reason(
        "An upload that a browser takes for a page runs as a page of this app (CWE-430).",
        "X_CONTENT_TYPE_OPTIONS",
    ),
    "security.W009": Reason(
        "An attacker on the network can keep the visit on http (CWE-319).",
        "STRICT_TRANSPORT_SECURITY",
    ),
    "security.W010": Reason(
        "An attacker on the network can answer in the name of that site (CWE-319)."
    ),
    "security.W011": Reason(_SCRIPTS),
    "security.W012": Reason(
        "One client changes its address and goes on guessing (CWE-799).", "CLIENT_IPV6_PREFIX"
    ),
    "security.W013": Reason(
        "A page of another site can read and write over a visitor's WebSocket (CWE-1385).",
        "WEBSOCKET_ORIGIN_CHECK",
    ),
    "security.W014": Reason(
        "A name that matches nothing may have been meant for an endpoint that has a quota now.",
        "RATELIMIT_DEFAULT_EXEMPT",
    ),
    "security.W015": Reason(
        "Guesses and expensive requests are not limited (CWE-799).", "RATELIMIT_ENABLED"
    ),
    "security.W016": Reason(
        "A URL from outside can reach services that nothing else protects (CWE-918).",
        "SSRF_ALLOWED_NETWORKS",
    ),
    "security.W017": Reason(
        "A name can lead to another address when it is looked up again (CWE-367, CWE-918).",
        "SSRF_ALLOW_UNRESOLVED",
    ),
    "security.I001": Reason(
        "Guesses of passwords, tokens and signatures are not slowed down (CWE-307).",
        "SECURITY_FAILURE_RATE_LIMIT",
    ),
    "security.I002": Reason(
        "Pages of any site can read what this app answers without credentials (CWE-942).",
        "CORS_ORIGINS",
    ),
    "security.I003": Reason("The app is not reachable under its own name.", "ALLOWED_HOSTS"),
    "security.I004": Reason(
        "An attacker who stops the storage can guess without limit (CWE-636).",
        "RATELIMIT_STORAGE_FAILURE",
    ),
    "security.I005": Reason(
        "N processes allow N times as many guesses (CWE-799).", "RATELIMIT_STORAGE_URI"
    ),
    "security.I006": Reason(
        "An attacker on the network reads sessions and changes quotas (CWE-319)."
    ),
    "security.I007": Reason(
        "A weaker host of the same domain can set the session cookie of its choice (CWE-384).",
        "SESSION_COOKIE_NAME",
    ),
    "security.I008": Reason(_PROXY, "TRUSTED_PROXY_HEADERS"),
    "security.I009": Reason(
        "Everybody who can read the database or the logs has the password (CWE-522).",
        "SSRF_ALLOW_CREDENTIALS",
    ),
}


def explained(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield findings with their reasons.

    Args:
        findings: Of codes that `REASONS` has.
    """
    for finding in findings:
        reason = REASONS[finding.code]
        setting = finding.setting or reason.setting
        yield structs.replace(finding, why=reason.why, setting=setting)
