"""What `registry.command` declares."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from msgspec import Struct

__all__ = ["NAME", "CliCommand"]

NAME = re.compile(r"[a-z][a-z0-9-]*(?: [a-z][a-z0-9-]*)?\Z")
"""One word, or the name of a group and one word."""


class CliCommand(Struct, frozen=True):
    """A command that a plugin adds to `flasgo`.

    Attributes:
        name: Its name, with that of its group before it where it is in one.
        function: What it runs. `Any`: commands take what they like.
        is_started: Whether the app is started for it.
        plugin: Which plugin it belongs to.
    """

    name: str
    function: Callable[..., Any]
    is_started: bool
    plugin: str
