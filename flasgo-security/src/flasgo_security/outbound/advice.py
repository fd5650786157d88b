"""What the attributes of the guard and of its targets are called here."""

from __future__ import annotations

from typing import NoReturn

from flasgo.plugin import did_you_mean

__all__ = ["no_attribute"]

_RESOLVE = "guard.resolve(url) checks a URL and returns where to connect; in async code aresolve."
_ADDRESS = "target.addresses has all checked addresses, and target.url the first of them."
_CONFIG = "It is set by SSRFConfig(...), or by the settings SSRF_*; guard.config has it."
_HEADER = 'Send {"host": target.host_header}, and target.host as the name for TLS.'

_ADVICE = {
    "SSRFGuard": {
        **dict.fromkeys(
            ("check", "validate", "validate_url", "resolve_url", "pin", "guard"),
            _RESOLVE,
        ),
        **dict.fromkeys(
            ("is_allowed", "is_safe", "is_safe_url", "is_valid"),
            "No, because an answer of yes is out of date when you connect: guard.resolve(url) "
            "raises SSRFViolation, and returns the address that was checked.",
        ),
        **dict.fromkeys(
            ("get", "fetch", "request", "session", "client"),
            "The guard makes no requests: httpx2.AsyncClient(transport=app.outbound_transport()).",
        ),
        **dict.fromkeys(
            ("allowed_hosts", "allowed_schemes", "allowed_ports", "allowed_networks"), _CONFIG
        ),
        **dict.fromkeys(("settings", "options", "policy"), _CONFIG),
        "async_resolve": "It is called aresolve: await guard.aresolve(url).",
        "resolve_async": "It is called aresolve: await guard.aresolve(url).",
    },
    "OutboundTarget": {
        **dict.fromkeys(("ip", "ip_address", "pinned_ip", "resolved_ip"), _ADDRESS),
        **dict.fromkeys(("ips", "ip_addresses"), _ADDRESS),
        **dict.fromkeys(("headers", "host_headers"), _HEADER),
        **dict.fromkeys(("hostname", "server_hostname", "sni"), "It is called target.host."),
        **dict.fromkeys(("pinned_url", "safe_url", "connect_url"), "It is called target.url."),
        **dict.fromkeys(
            ("original_url", "netloc", "path", "query"),
            "It is a part of the URL that you have passed in; target.url has the address in place "
            "of the host.",
        ),
    },
}


def no_attribute(kind: type, name: str) -> NoReturn:
    """Raise the error for an attribute that there is not.

    Args:
        kind: The class, `SSRFGuard` or `OutboundTarget`.
        name: The attribute.

    Raises:
        AttributeError: Always; it says what to write in its place, where that is known.
    """
    told = _ADVICE[kind.__name__].get(name)
    if told is None:
        known = {*vars(kind), *getattr(kind, "__annotations__", {})}
        told = did_you_mean(name, [each for each in known if not each.startswith("_")]).strip()
    raise AttributeError(f"{kind.__name__} has no attribute {name!r}. {told}".rstrip(), name=name)
