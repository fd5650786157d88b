"""Fuzzing that is guided by coverage, with atheris; by hand, for Linux and Python 3.11.

    uv run --with atheris python -m tests.fuzz.by_hand cookies -max_total_time=60

The first argument is one of `TARGETS`, the others are libFuzzer's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

atheris: Any = import_module("atheris")

with atheris.instrument_imports(include=["flasgo", "flasgo_security"]):
    from flasgo.http.conditional import parse_entity_tags, parse_http_date
    from flasgo.http.cookies import parse_cookies
    from flasgo.http.filenames import sanitize_filename
    from flasgo.http.ranges import RangeRequest, UnsatisfiableRangeError
    from flasgo.http.urlencoded import parse_urlencoded
    from flasgo.requests.forms import _has_clear_parameters
    from flasgo_security.forwarded import TrustedProxies, parse_hop
    from flasgo_security.forwarded_header import parse_forwarded
    from flasgo_security.hosts import parse_host
    from flasgo_security.outbound.targets import parse_url
    from flasgo_security.outbound.violations import SSRFViolation


def cookies(data: bytes) -> None:
    for name, value in parse_cookies(data).multi_items():
        assert name
        assert ";" not in name + value


def urlencoded(data: bytes) -> None:
    with suppress(ValueError):
        for name, value in parse_urlencoded(data, 100):
            assert "&" in name + value or len(name) + len(value) <= 3 * len(data)


def validators(data: bytes) -> None:
    text = data.decode("latin-1")
    for tag in parse_entity_tags(text):
        assert tag == "*" or tag.removeprefix("W/")[0] == tag[-1] == '"'
    seconds = parse_http_date(text)
    assert seconds is None or isinstance(seconds, int)


def ranges(data: bytes) -> None:
    with suppress(UnsatisfiableRangeError):
        parts = RangeRequest(data.decode("latin-1")).parts(1000, '"x"', 0) or ()
        assert all(0 <= part.start < part.stop <= 1000 for part in parts)


def parameters(data: bytes) -> None:
    _has_clear_parameters(data.decode("latin-1"))


def filenames(data: bytes) -> None:
    name = sanitize_filename(data.decode("utf-8", "replace"))
    assert not set(name) & set('/\\:\0"')
    assert name not in {".", ".."}
    assert sanitize_filename(name) == name


def forwarded(data: bytes) -> None:
    text = data.decode("latin-1")
    with suppress(ValueError):
        elements = parse_forwarded(text)
        assert parse_forwarded(f"{text},for=1.2.3.4") == [*elements, {"for": "1.2.3.4"}]
    hop = parse_hop(text)
    assert hop is None or parse_hop(hop) == hop
    TrustedProxies(["10.0.0.0/8"]).client_behind("10.0.0.1", text.split(","))


def hosts(data: bytes) -> None:
    host = parse_host(data.decode("latin-1"))
    if host is not None:
        assert parse_host(host) == host
        assert urlsplit(f"http://{host}/").hostname == host.strip("[]")


def urls(data: bytes) -> None:
    with suppress(SSRFViolation):
        text = "https://" + data.decode("utf-8", "replace")
        url = parse_url(text)
        assert urlsplit(text).hostname is not None
        assert url.resource.startswith("/")
        assert parse_url(f"{url.scheme}://{url.host_header}{url.resource}").host == url.host


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (
        *(cookies, urlencoded, validators, ranges, parameters, filenames, forwarded, hosts, urls),
    )
}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"Name one of {', '.join(TARGETS)}.")
    atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[sys.argv[1]])
    atheris.Fuzz()
