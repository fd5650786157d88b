"""`ratelimit` and `rate_limit` are one thing, on the app and in the package."""

from __future__ import annotations

import flasgo
import flasgo_security
from flasgo import Flasgo


def test_both_spellings_are_accepted_everywhere() -> None:
    app = Flasgo(settings={"SECRET_KEY": "0123456789abcdef0123456789abcdef"})
    for name in ("ratelimit", "rate_limit"):
        for home in (app, flasgo, flasgo_security):
            assert getattr(home, name) is flasgo_security.rate_limit
            assert getattr(home, f"{name}_exempt") is flasgo_security.ratelimit_exempt
