"""Compiles the hooks of the plugins and the callbacks of the app into one pipeline per endpoint.

Nothing here runs while a request does: what a request finds are plain tuples of callables.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, Self

from msgspec import Struct

from flasgo import _bundle
from flasgo.callables import full_name, is_async
from flasgo.errors import HookError, PluginError, UnenforcedPolicyError
from flasgo.kernel.callbacks import Callback, Callbacks, as_callback
from flasgo.kernel.declared_stages import Declared, used_by
from flasgo.kernel.error_handling import ErrorAnswers, ErrorHandlers
from flasgo.kernel.notices import closing_steps, noting_accept
from flasgo.kernel.wrapping import wrap_call
from flasgo.plugins.implementation import Implementation
from flasgo.responses.response import Response
from flasgo.responses.results import coerce_response

if TYPE_CHECKING:
    from flasgo.kernel.threads import WorkerThreads
    from flasgo.plugins.manager import Plugins
    from flasgo.plugins.registry import Declarations
    from flasgo.requests.connection import Connection
    from flasgo.routing import Route

__all__ = [
    "Call",
    "Gate",
    "Pipeline",
    "PipelineCompiler",
    "StageInfo",
    "Step",
    "Surroundings",
    "unenforced",
]

# Any: what plugins' hooks return is checked by the dispatcher, answer by answer.
Step = Callable[..., Any]

Gate = Callable[["Connection"], Any]
"""A step before the handler: lets the request pass (None) or ends it (a Response)."""

Call = Callable[["Connection"], Awaitable[object]]
"""Runs the handler with the arguments it asks for."""


class StageInfo(Struct, frozen=True):
    """One step of a pipeline, as `flasgo routes --explain` shows it.

    Attributes:
        stage: The hook's name, `before_request`, `handler` or `after_request`; `provides`, `models`
            or `body_format` for what a plugin has declared and the endpoint uses.
        plugin: The plugin or component, or `app` for the app's own code.
        callable: The callable's qualified name.
        kind: `sync` or `async`.
        reason: The policies because of which the step is here, or the type that it is for; empty
            for every route.
    """

    stage: str
    plugin: str
    callable: str
    kind: str
    reason: str = ""


class Pipeline:
    """All that happens to a request of one endpoint, in the order in which it happens.

    PERF: steps before the handler share one shape, so they are one sequence: the leading ones
    that need no await, then the rest, each with the mark whether it needs one.
    """

    __slots__ = (
        "after",
        "at_fault",
        "call",
        "errors",
        "finalizers",
        "finished",
        "gates",
        "keeps_thread",
        "late_finalizers",
        "late_gates",
        "owners",
        "route",
        "stages",
        "started",
        "teardown",
        "unasked",
    )

    unasked: Pipeline | None
    """What a response of middleware passes that no pipeline has been asked for."""

    def __init__(
        self,
        route: Route,
        call: Call,
        started: Iterable[tuple[Gate, bool]],
        gates: Iterable[tuple[Gate, bool]],
        after: Iterable[Callback],
        teardown: Iterable[Callback],
        errors: ErrorAnswers,
        finalizers: Iterable[Implementation],
        finished: Iterable[Implementation],
        owners: dict[Step, tuple[str, str]],
        at_fault: Callable[[BaseException], tuple[str, str] | None],
        stages: tuple[StageInfo, ...],
    ) -> None:
        self.route = route
        self.call = call
        self.started = tuple(started)
        self.gates, self.late_gates = _split((*self.started, *gates))
        self.unasked = None
        self.after = tuple(after)
        self.teardown = tuple(teardown)
        # Whether a `def` function is known to follow the handler.
        self.keeps_thread = not all(
            is_async(getattr(callback, "__wrapped__", callback))
            for callback in (*self.after, *self.teardown)
        )
        self.errors = errors
        self.finalizers, self.late_finalizers = _split(
            (impl.call, impl.is_async) for impl in finalizers
        )
        self.finished = tuple((impl.call, impl.is_async) for impl in finished)
        self.owners = owners
        self.at_fault = at_fault
        self.stages = stages

    def without_gates(self, call: Call) -> Pipeline:
        """Return a pipeline that calls something else, and nothing before it.

        Args:
            call: What it calls.
        """
        other = copy.copy(self)
        other.call = call
        other.gates = other.late_gates = ()
        return other

    def behind(self, call: Call, layers: Iterable[str]) -> Pipeline:
        """Return the pipeline of the way to this one: through middleware, then all of this.

        What goes wrong on the way is answered and finalized like an error of the endpoint.

        Args:
            call: Sends the request through the middleware.
            layers: The names of the middleware, the outermost first.
        """
        outer = self.without_gates(call)
        outer.unasked = self.without_gates(call)
        outer.unasked.gates, outer.unasked.late_gates = _split(self.started)
        outer.unasked.teardown = ()
        outer.teardown = outer.finished = ()
        outer.stages = (
            *(StageInfo("middleware", "app", name, "async") for name in layers),
            *self.stages,
        )
        return outer

    def attributed(self, step: Step | None, error: Exception) -> Exception:
        """Return the error to raise for what a step raised: a HookError names the plugin.

        Args:
            step: The callable that failed; None for the handler.
            error: What it raised.
        """
        if step is None or step not in self.owners:
            return error
        plugin, hook = self.at_fault(error) or self.owners[step]
        attributed = HookError(
            f"Plugin {plugin!r} failed in {hook}: {type(error).__name__}: {error}",
            plugin=plugin,
            hook=hook,
        )
        attributed.__cause__ = error
        return attributed


def _split(
    steps: Iterable[tuple[Step, bool]],
) -> tuple[tuple[Step, ...], tuple[tuple[Step, bool], ...]]:
    """Split steps into the leading synchronous ones and the rest."""
    every = tuple(steps)
    first_async = next((i for i, (_, is_async) in enumerate(every) if is_async), len(every))
    return tuple(call for call, _ in every[:first_async]), every[first_async:]


class Surroundings(Struct, frozen=True):
    """The callbacks around one endpoint, in the order in which they run.

    Attributes:
        before: From the app's to those of the innermost blueprint.
        after: From those of the innermost blueprint to the app's, the last registered first.
        teardown: Likewise.
        errors: The error handlers of the innermost blueprint, which know those around it.
    """

    before: tuple[Callback, ...]
    after: tuple[Callback, ...]
    teardown: tuple[Callback, ...]
    errors: ErrorHandlers

    @classmethod
    def of(cls, scopes: Iterable[Callbacks], threads: WorkerThreads) -> Self:
        """Put together the callbacks of an app and its blueprints.

        Args:
            scopes: What each has registered, from the app to the innermost blueprint.
            threads: Where `def` functions run.
        """

        def ready(kind: str, function: Callable[..., object]) -> Callback:
            return as_callback(kind, function, threads)

        before: list[Callback] = []
        after: list[Callback] = []
        teardown: list[Callback] = []
        errors: ErrorHandlers | None = None
        for scope in scopes:
            before += [ready("before_request", function) for function in scope.before]
            after[:0] = [ready("after_request", function) for function in reversed(scope.after)]
            teardown[:0] = [ready("teardown_request", f) for f in reversed(scope.teardown)]
            errors = ErrorHandlers(errors)
            for key, function in scope.errors:
                errors.add(key, ready("errorhandler", function))
        return cls(tuple(before), tuple(after), tuple(teardown), errors or ErrorHandlers())


class PipelineCompiler:
    """Compiles pipelines for the endpoints of one app.

    Args:
        plugins: The app's plugins.
        declarations: Knows who enforces which policy.
    """

    def __init__(self, plugins: Plugins, declarations: Declarations) -> None:
        self._plugins = plugins
        self._declarations = declarations
        self._started = plugins.implementations("request_started")
        self._authorize = plugins.implementations("authorize")
        self._ratelimit = plugins.implementations("ratelimit_check")
        self._wrap = plugins.implementations("wrap_handler")
        self._errors = plugins.implementations("error_response")
        self._finalize = plugins.implementations("response_finalize")
        self._finished = plugins.implementations("request_finished")
        self._accepted = plugins.implementations("websocket_accepted")
        self._closed = plugins.implementations("websocket_closed")

    def compile(
        self,
        route: Route,
        call: Call,
        *,
        around: Surroundings,
    ) -> Pipeline:
        """Compile the pipeline of one endpoint, or of requests that reach none.

        Args:
            route: The endpoint. Without methods it stands for unmatched requests, which are
                neither authorized nor counted.
            call: Runs the handler.
            around: The callbacks of the app and of the endpoint's blueprints.

        Raises:
            UnenforcedPolicyError: When no active plugin enforces a policy of the route.
            PluginError: When a `when=` predicate raises.
        """
        self._check_policies(route)
        reaches_endpoint = bool(route.methods)
        started = self._applying(self._started, route)
        guards = self._applying(self._authorize, route) if reaches_endpoint else []
        quotas = self._applying(self._ratelimit, route) if reaches_endpoint else []
        wrapping: list[Implementation] = []
        if self._wrap and reaches_endpoint:
            applying = self._applying(self._wrap, route)
            call, wrapping = wrap_call(route, call, applying, self._plugins)
        answers = self._applying(self._errors, route)
        finalize = self._applying(self._finalize, route)
        finished = self._applying(self._finished, route)
        accepted = self._applying(self._accepted, route) if route.is_websocket else []
        if route.is_websocket:
            finished = [*closing_steps(self._applying(self._closed, route)), *finished]
        before = around.before
        after = () if route.is_websocket else around.after
        return Pipeline(
            route,
            call,
            started=((impl.call, impl.is_async) for impl in started),
            gates=[
                *(((noting_accept(accepted), False),) if accepted else ()),
                *((_coercing(callback), True) for callback in before),
                *((impl.call, impl.is_async) for impl in (*guards, *quotas)),
            ],
            after=after,
            teardown=around.teardown,
            errors=ErrorAnswers(around.errors, answers),
            finalizers=finalize,
            finished=finished,
            owners={
                impl.call: (impl.plugin, impl.hook)
                for impl in (*started, *guards, *quotas, *finalize, *finished)
            },
            at_fault=self._plugins._implementer_at_fault,
            stages=(
                *(_stage(impl) for impl in started),
                *(StageInfo("before_request", "app", _label(c), "async") for c in before),
                *(_stage(impl, self._reason(impl, route)) for impl in (*guards, *quotas)),
                *(_stage(impl) for impl in wrapping),
                StageInfo("handler", "app", _label(route.handler), _kind(route)),
                *map(_declared, used_by(route, self._declarations)),
                *(_stage(impl) for impl in accepted),
                *(_stage(impl) for impl in answers),
                *(StageInfo("after_request", "app", _label(c), "async") for c in after),
                *(_stage(impl) for impl in (*finalize, *finished)),
            ),
        )

    def _applying(self, impls: Iterable[Implementation], route: Route) -> list[Implementation]:
        return [impl for impl in impls if self._applies(impl, route)]

    def _applies(self, impl: Implementation, route: Route) -> bool:
        if impl.options.when is None:
            return True
        try:
            return bool(impl.options.when(route))
        except Exception as exc:
            # SECURITY: a predicate that cannot answer must not leave a guard out.
            raise PluginError(
                f"{self._plugins._blame(impl.plugin)}: the when= of {impl.hook} failed for route "
                f"{route.path!r}: {type(exc).__name__}: {exc}. Correct the predicate.",
                plugin=impl.plugin,
            ) from exc

    def _check_policies(self, route: Route) -> None:
        for policy in route.policies:
            if self._declarations.enforcer_of(policy) is None:
                raise unenforced(route, policy)

    def _reason(self, impl: Implementation, route: Route) -> str:
        """Return what the policies say that the implementation's plugin enforces."""
        owner = impl.plugin.partition(".")[0]
        return "; ".join(
            policy.explain()
            for policy in route.policies
            if self._declarations.enforcer_of(policy) == owner
        )


def unenforced(route: Route, policy: object) -> UnenforcedPolicyError:
    """Return the error for a policy that no active plugin enforces."""
    kind = type(policy)
    distribution = _distribution_of(kind)
    if distribution is None:
        advice = f"Its plugin has to be active, and to call registry.enforces({kind.__name__})."
    else:
        advice = f"It is part of {distribution}, {_bundle.how_to_get(distribution)}."
    return UnenforcedPolicyError(
        f"Route {route.path!r} (endpoint {route.endpoint!r}) carries the policy "
        f"{kind.__name__} of {kind.__module__}, and no active plugin enforces it. {advice} "
        "Until then the app does not start.",
        route=route.path,
        policy=kind.__name__,
        distribution=distribution,
    )


def _distribution_of(kind: type) -> str | None:
    """Return the distribution that defines a class, or None for code that is in none."""
    package = kind.__module__.partition(".")[0]
    name = package.replace("_", "-")
    if _bundle.is_installed(name):
        return name
    import importlib.metadata

    # Slow, and blind to editable installs; but this is on the way to an app that does not start.
    return next(iter(importlib.metadata.packages_distributions().get(package, ())), None)


def _coercing(callback: Callback) -> Gate:
    """Turn a `before_request` callback into a gate: any return value ends the request."""

    async def before_request(connection: Connection) -> Response | None:
        result = await callback(connection)
        return None if result is None else coerce_response(result, callback)

    return functools.update_wrapper(before_request, callback)


def _declared(each: Declared) -> StageInfo:
    return StageInfo(each.stage, each.plugin, each.callable, each.kind, each.reason)


def _stage(impl: Implementation, reason: str = "") -> StageInfo:
    kind = "async" if impl.is_async else "sync"
    return StageInfo(impl.hook, impl.plugin, impl.label, kind, reason)


def _label(function: Callable[..., object]) -> str:
    return full_name(getattr(function, "__wrapped__", function))


def _kind(route: Route) -> str:
    return "async" if is_async(route.handler) else "sync"
