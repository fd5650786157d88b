"""Pages for our own network only."""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from flasgo import (
    Flasgo,
    Policy,
    Registry,
    Request,
    Response,
    attach_policy,
    has_policy,
    hookimpl,
)

__all__ = ["Internal", "InternalPlugin", "internal"]

Handler = Callable[..., Any]


@dataclass(frozen=True)
class Internal(Policy):
    """Marks an endpoint as one for our own network."""

    reason: str = "internal"

    def explain(self) -> str:
        """What `flasgo routes --explain` shows."""
        return f"internal ({self.reason})"


def internal(reason: str) -> Callable[[Handler], Handler]:
    """Close an endpoint to everybody outside."""
    return lambda handler: attach_policy(handler, Internal(reason))


class InternalPlugin:
    """Answers outsiders as if the page did not exist."""

    @hookimpl
    def plugin_setup(self, registry: Registry) -> None:
        """State what this plugin brings."""
        registry.enforces(Internal)
        registry.setting(
            "INTERNAL_NETWORKS", set[str], default={"10.0.0.0/8"}, help="Who counts as internal."
        )
        registry.app_method("internal", internal)
        registry.request_attribute("is_internal", self.is_internal)
        registry.option("internal_only", default=False)

    @hookimpl
    def app_created(self, app: Flasgo) -> None:
        """Read the settings once."""
        self.networks = [
            ip_network(text) for text in app.settings.read("INTERNAL_NETWORKS", set[str])
        ]

    def is_internal(self, request: Request) -> bool:
        """Whether the direct peer is on our own network."""
        if request.client_ip is None:
            return False
        return any(ip_address(request.client_ip) in network for network in self.networks)

    @hookimpl(when=has_policy(Internal), before=("auth",))
    async def authorize(self, request: Request) -> Response | None:
        """Turn outsiders away."""
        if not getattr(request, "is_internal"):  # noqa: B009 - unknown to type checkers
            return Response.json({"error": "not_found"}, status_code=404)
        return None

    @hookimpl
    def response_finalize(self, request: Request, response: Response) -> None:
        """Leave a mark, so that a test can see it."""
        response.headers["x-internal"] = "1"
