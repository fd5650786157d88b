"""The auth plugin: asks backends who a request is from, and permissions whether it may pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, cast

from flasgo import Connection, Finding, Flasgo, Registry, Response, Route, has_policy, hookimpl
from flasgo.plugin import Plugin, Plugins, WorkerThreads

from flasgo_auth import hookspecs
from flasgo_auth.backends.backend import AuthBackend, AuthFunction, Backends
from flasgo_auth.caching import AFTER_DEFAULTS, keep_private
from flasgo_auth.checks import access_findings
from flasgo_auth.current import current_user
from flasgo_auth.default_permissions import default_guard, resolve_permissions
from flasgo_auth.gates import Gate, UnauthenticatedError, compile_gates
from flasgo_auth.identification import Identification, identity_hooks
from flasgo_auth.login_page import check_login_url, login_redirect
from flasgo_auth.openapi import OpenApiDescription
from flasgo_auth.permissions import AllowAny, user_of
from flasgo_auth.policy import AuthPolicy, authorize
from flasgo_auth.users import User

if TYPE_CHECKING:
    from flasgo.plugin import ReportTable

__all__ = ["AuthPlugin"]

_MOST_PASSWORD_THREADS = 64
_ANYBODY = (AuthPolicy((AllowAny(),)),)


class AuthPlugin(Plugin):
    """Enforces `AuthPolicy`; one instance per app.

    Attributes:
        name: The plugin's name, `auth`.
        backends: The registered backends, in the order they are asked.
        default_policy: What holds for endpoints without a policy of their own; None for nothing.
        exempt: The names of endpoints that the default policy does not hold for.
    """

    name = "auth"

    def __init__(self) -> None:
        self.backends = Backends()
        self.identification = Identification(self.backends, self._vouched)
        self.default_policy: AuthPolicy | None = None
        self.exempt: frozenset[str] = frozenset()
        self._gates: dict[tuple[AuthPolicy, ...], tuple[Gate, ...]] = {}
        self._password_threads: WorkerThreads | None = None
        self._app: Flasgo | None = None
        self._login_url: str | None = None
        self._plugins: Plugins | None = None
        self._plugins_asked = 0
        self._vouchers: tuple[Callable[..., object], ...] = ()

    @hookimpl
    def plugin_setup(self, registry: Registry) -> None:
        """Declare the policy, the settings, the app's methods and `request.user`."""
        registry.hookspecs(hookspecs)
        registry.enforces(AuthPolicy)
        registry.setting(
            "DEFAULT_PERMISSIONS",
            list[object],
            default=[],
            help="What endpoints without an access policy ask for: permissions, or their dotted "
            "names. Empty leaves them open; AllowAny() opens one of them.",
        )
        registry.setting(
            "DEFAULT_PERMISSIONS_EXEMPT",
            set[str],
            default=set(),
            help="Names of endpoints that stay open whatever DEFAULT_PERMISSIONS says, for routes "
            "that carry no decorator, such as 'static'.",
        )
        registry.setting(
            "PASSWORD_THREADS",
            int,
            default=4,
            help="The most passwords that are hashed at a time; each takes up to 64 MiB.",
            check=_check_threads,
        )
        registry.setting(
            "LOGIN_URL",
            str | None,
            default=None,
            help="The path of the log-in page: browsers without a user are sent there from pages "
            "that ask for one, with ?next=; other clients are answered 401.",
            check=check_login_url,
        )
        registry.app_method("register_auth_backend", self.register_auth_backend)
        registry.app_method("authorize", authorize)
        registry.role("require_login", lambda backend: authorize(backend=backend))
        registry.app_method("authenticate", self.authenticate)
        registry.app_property("password_threads", self.get_password_threads)
        registry.request_attribute("user", self.identification.user_of)
        hooks = identity_hooks(self.identification, self.policies_for)
        registry.component("identity", hooks)
        registry.component("openapi", OpenApiDescription(self.backends, self.policies_for))
        self._registry = registry

    @hookimpl
    def app_created(self, app: Flasgo) -> None:
        """Read the settings; the default permissions become a component where they are set."""
        self._app, self._plugins = app, app.plugins
        settings = app.settings
        self._login_url = cast("str | None", settings["LOGIN_URL"])
        self._password_threads = WorkerThreads(cast("int", settings["PASSWORD_THREADS"]))
        self.exempt = frozenset(cast("set[str]", settings["DEFAULT_PERMISSIONS_EXEMPT"]))
        wanted = resolve_permissions(cast("list[object]", settings["DEFAULT_PERMISSIONS"]))
        if wanted:
            self.default_policy = AuthPolicy(wanted)
            # PERF: without the setting, a route without a policy has none of this.
            guard = default_guard(self.default_policy, self.exempt, self._guard, self._finalize)
            self._registry.component("default_permissions", guard)

    def register_auth_backend(
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
        if self._app is not None:
            self._app.plugins.recompile()

    async def authenticate(self, request: Connection) -> User:
        """Ask the backends who a request is from, and allow anybody; `app.authenticate`.

        Args:
            request: The request or WebSocket connection.

        Returns:
            The user, who is `request.user` from now on; `ANONYMOUS` when no user was recognised.
        """
        answers = self.identification.new_answers(request)
        for gate in self._gates_of(_ANYBODY):
            await gate.admit(request, answers)
        return user_of(request)

    def policies_for(self, route: Route) -> tuple[AuthPolicy, ...]:
        """Return the policies that hold for a route: its own, else the default one.

        Args:
            route: One of `app.routes`.
        """
        own = route.policies_of(AuthPolicy)
        if own or self.default_policy is None or route.endpoint in self.exempt:
            return own
        return (self.default_policy,)

    @hookimpl(optionalhook=True)
    def template_globals(self) -> dict[str, object]:
        """Let templates use `current_user`, where flasgo-templates is installed."""
        return {"current_user": current_user}

    @hookimpl
    def app_startup(self, app: Flasgo) -> None:
        """Check every policy of the app, so that a mistyped backend stops the start-up."""
        for route in app.routes:
            gates = self._gates_of(self.policies_for(route))
            if any(not gate.backends and not gate.is_open for gate in gates):
                app.logger.warning(
                    "Route %r asks for permissions, and no auth backend is registered: every "
                    "request without a user set by the app is denied. Call "
                    "app.register_auth_backend(...).",
                    route.path,
                )

    @hookimpl
    def app_shutdown(self, app: Flasgo) -> None:
        """Let the threads that hash passwords end."""
        if self._password_threads is not None:
            self._password_threads.close()

    @hookimpl
    def check_app(self, app: Flasgo, deploy: bool) -> Iterable[Finding]:
        """Report endpoints without protection, and policies that no caller can satisfy."""
        return access_findings(
            app.routes,
            self.backends,
            default=self.default_policy,
            exempt=self.exempt,
            deploy=deploy,
        )

    @hookimpl
    def report_tables(self, app: Flasgo) -> Iterable[ReportTable]:
        """Show who may use which route."""
        # PERF: a served app does not need it.
        from flasgo_auth.report import access_tables

        return access_tables(app.routes, self.policies_for, self.backends, self.exempt)

    @hookimpl(when=has_policy(AuthPolicy))
    async def authorize(self, request: Connection) -> Response | None:
        """Let a request through every gate of its route, or deny it."""
        return await self._guard(request, _policies_of(request))

    @hookimpl(when=has_policy(AuthPolicy), trylast=True, after=AFTER_DEFAULTS)
    def response_finalize(self, request: Connection, response: Response) -> None:
        """Keep what a permission guards out of shared caches."""
        self._finalize(request, response, _policies_of(request))

    def get_password_threads(self) -> WorkerThreads | None:
        """Return the threads in which passwords are hashed; this is `app.password_threads`."""
        return self._password_threads

    async def _guard(
        self, request: Connection, policies: tuple[AuthPolicy, ...]
    ) -> Response | None:
        """Let a request through policies, deny it, or send it to the log-in page."""
        try:
            answers = self.identification.answers(request)
            for gate in self._gates_of(policies):
                await gate.admit(request, answers)
        except UnauthenticatedError:
            instead = login_redirect(request, self._login_url) if self._login_url else None
            if instead is None:
                raise
            return instead
        return None

    def _vouched(self, request: Connection) -> User | None:
        # A plugin can be registered when the app runs already; counting them notices that.
        if self._plugins is not None and self._plugins_asked != len(self._plugins):
            self._plugins_asked = len(self._plugins)
            self._vouchers = self._plugins.hook_callables("identify_user")
        for vouch in self._vouchers:
            user = vouch(request)
            if user is not None:
                return _checked_user(user)
        return None

    def _finalize(
        self, request: Connection, response: Response, policies: tuple[AuthPolicy, ...]
    ) -> None:
        # An open route answers everybody the same, unless it knows who asks.
        if not request.peek("user"):
            for policy in policies:
                if not policy.is_open:
                    break
            else:
                return
        keep_private(response)

    def _gates_of(self, policies: tuple[AuthPolicy, ...]) -> tuple[Gate, ...]:
        # Keyed by the policies, not by the route: a decorator may add one later.
        gates = self._gates.get(policies)
        if gates is None:
            gates = self._gates[policies] = compile_gates(policies, self.backends)
        return gates


def _policies_of(request: Connection) -> tuple[AuthPolicy, ...]:
    route = request.route
    # SECURITY: the hook was compiled for a route with policies; without one, no caller passes.
    if route is None:
        raise RuntimeError("An auth hook was called for a request without a route.")
    return route.policies_of(AuthPolicy)


def _checked_user(user: object) -> User:
    # SECURITY: something truthy that is no User must not pass for one.
    if not isinstance(user, User):
        raise TypeError(
            f"identify_user must return a flasgo_auth.User or None, got {type(user).__name__}."
        )
    return user


def _check_threads(value: object) -> str | None:
    if 1 <= cast("int", value) <= _MOST_PASSWORD_THREADS:
        return None
    return f"it must be 1 to {_MOST_PASSWORD_THREADS}"
