"""The auth plugin: asks backends who a request is from, and permissions whether it may pass."""

from __future__ import annotations

from flasgo import Connection, Flasgo, Registry, has_policy, hookimpl

from flasgo_auth.backends import AuthBackend, AuthFunction, Backends
from flasgo_auth.current import current_user
from flasgo_auth.gates import Answers, Gate, compile_gates
from flasgo_auth.policy import AuthPolicy, authorize
from flasgo_auth.users import ANONYMOUS

__all__ = ["AuthPlugin"]


class AuthPlugin:
    """Enforces `AuthPolicy`; one instance per app.

    Attributes:
        name: The plugin's name, `auth`.
        backends: The registered backends, in the order they are asked.
    """

    name = "auth"

    def __init__(self) -> None:
        self.backends = Backends()
        self._gates: dict[tuple[AuthPolicy, ...], tuple[Gate, ...]] = {}

    @hookimpl
    def plugin_setup(self, registry: Registry) -> None:
        """Declare the policy, the two app methods and `request.user`."""
        registry.enforces(AuthPolicy)
        registry.app_method("register_auth_backend", self.register_backend)
        registry.app_method("authorize", authorize)
        registry.request_attribute("user", lambda request: ANONYMOUS)

    def register_backend(
        self,
        name: str,
        backend: AuthFunction | AuthBackend,
        *,
        challenge: str | None = None,
        blocking: bool = True,
    ) -> None:
        """Register whom to ask for the user of a request; this is `app.register_auth_backend`.

        Args:
            name: What `authorize(backend=...)` calls it.
            backend: An `AuthBackend`, or a function `(request) -> User | None`.
            challenge: For a function: what `WWW-Authenticate` says; the name when left out.
            blocking: For a function: whether it may block, and so runs in a worker thread.

        Raises:
            ConfigurationError: When the name is taken or malformed.
            TypeError: When `backend` is not a backend, or takes no such arguments.
            ValueError: When the challenge is malformed.
        """
        self.backends.add(name, backend, challenge=challenge, blocking=blocking)
        self._gates = {}

    @hookimpl(optionalhook=True)
    def template_globals(self) -> dict[str, object]:
        """Let templates use `current_user`, where flasgo-templates is installed."""
        return {"current_user": current_user}

    @hookimpl
    def app_startup(self, app: Flasgo) -> None:
        """Check every policy of the app, so that a mistyped backend stops the start-up."""
        for route in app.routes:
            gates = self._gates_of(route.policies_of(AuthPolicy))
            if any(not gate.backends and not gate.is_open for gate in gates):
                app.logger.warning(
                    "Route %r asks for permissions, and no auth backend is registered: every "
                    "request without a user set by the app is denied. Call "
                    "app.register_auth_backend(...).",
                    route.path,
                )

    @hookimpl(when=has_policy(AuthPolicy))
    async def authorize(self, request: Connection) -> None:
        """Let a request through every gate of its route, or deny it."""
        route = request.route
        # SECURITY: the hook was compiled for a route with policies; without one, nobody passes.
        if route is None:
            raise RuntimeError("The authorize hook was called for a request without a route.")
        answers: Answers = {}
        for gate in self._gates_of(route.policies_of(AuthPolicy)):
            await gate.admit(request, answers)

    def _gates_of(self, policies: tuple[AuthPolicy, ...]) -> tuple[Gate, ...]:
        # Keyed by the policies, not by the route: a decorator may add one later.
        gates = self._gates.get(policies)
        if gates is None:
            gates = self._gates[policies] = compile_gates(policies, self.backends)
        return gates
