"""The plugin `request_ids`: `request.id`, and the header that carries it."""

from __future__ import annotations

import re
from secrets import token_hex
from typing import TYPE_CHECKING

from flasgo.plugin import Plugin, hookimpl

if TYPE_CHECKING:
    from flasgo.app import Flasgo
    from flasgo.plugins.registry import Registry
    from flasgo.requests.connection import Connection
    from flasgo.responses.response import Response

__all__ = ["RequestIdsPlugin"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}\Z")
# Letters, digits and what UUIDs, ULIDs and W3C trace identifiers have; nothing that a log or a
# terminal would take for more than text (CWE-117).
_WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:=+/-]{0,127}\Z")


def _check_header(value: object) -> str | None:
    if value is None or (isinstance(value, str) and _NAME.match(value)):
        return None
    return "must be the name of a header, such as 'X-Request-ID'"


class RequestIdsPlugin(Plugin):
    """Gives every request an identifier, computed when it is first asked for."""

    name = "request_ids"

    def __init__(self) -> None:
        self._header = ""

    @hookimpl
    def plugin_setup(self, registry: Registry) -> None:
        """Declare the setting and the attribute."""
        self._registry = registry
        registry.setting(
            "REQUEST_ID_HEADER",
            str | None,
            default=None,
            help="Carries the identifier of a request: taken from trusted proxies "
            "(TRUSTED_PROXIES), and sent with every answer.",
            check=_check_header,
        )
        registry.request_attribute("id", self.request_id)

    @hookimpl
    def app_created(self, app: Flasgo) -> None:
        """Send the header where it is set; else nothing of this is in a pipeline."""
        self._header = (app.settings.REQUEST_ID_HEADER or "").lower()
        if self._header:
            self._registry.component("header", _Header(self._header))

    def request_id(self, request: Connection) -> str:
        """Return the identifier of a request: a trusted proxy's, or 32 random hex digits."""
        if self._header:
            is_trusted = request.app.plugins.role("trusted_peer")
            if is_trusted is not None and is_trusted(request):
                sent = request.headers.getlist(self._header)
                if len(sent) == 1 and _WELL_FORMED.match(sent[0]):
                    return sent[0]
        return token_hex(16)


class _Header:
    """Sends the identifier back."""

    def __init__(self, name: str) -> None:
        self._name = name

    @hookimpl
    def response_finalize(self, request: Connection, response: Response) -> None:
        response.headers[self._name] = request.id
