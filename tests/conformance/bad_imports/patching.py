"""Replaces a function of the standard library, so that dates leave as it likes them."""

import json

from flasgo import hookimpl

_dumps = json.dumps


def dumps(*args, **options):
    """Encode what JSON does not know as text."""
    return _dumps(*args, default=str, **options)


json.dumps = dumps  # ty: ignore[invalid-assignment]


class Plugin:
    """Patches at its import."""

    @hookimpl
    def request_started(self):
        return None
