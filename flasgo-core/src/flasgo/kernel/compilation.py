"""Compiles the pipelines of an app: every endpoint's, and that of requests that reach none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from flasgo.blueprints import Address, Blueprint
from flasgo.interop.middleware import ThroughMiddleware
from flasgo.kernel.addresses import ErrorHandlersByAddress, addresses_with_handlers
from flasgo.kernel.dispatch import Dispatcher, raise_head_fault
from flasgo.kernel.notices import noting_tasks
from flasgo.kernel.pipeline import Call, Gate, Pipeline, PipelineCompiler, Surroundings
from flasgo.plugins.hidden_policies import refuse_hidden_policies
from flasgo.registrar import RouteScope
from flasgo.routing import Route
from flasgo.routing.converters import BUILT_IN
from flasgo.routing.policies import PolicyScope

if TYPE_CHECKING:
    from flasgo.app import Flasgo
    from flasgo.asgi import ASGIApp
    from flasgo.requests.connection import Connection
    from flasgo.routing import Router

__all__ = ["Compilation"]


class Compilation:
    """One run of the compiler over an app.

    Args:
        app: The app.
        router: Its routes.
        stacks: The middleware of each blueprint that has some.
        addresses: Where the blueprints are.
    """

    def __init__(
        self,
        app: Flasgo,
        router: Router,
        stacks: Mapping[Blueprint, ASGIApp],
        addresses: Iterable[Address],
    ) -> None:
        self._app = app
        self._router = router
        self._addresses = addresses_with_handlers(addresses)
        self._stacks = stacks
        self._dispatcher = Dispatcher(app, router)
        self._compiler = PipelineCompiler(app.plugins, app._declarations)
        self._around: dict[tuple[PolicyScope, ...], Surroundings] = {}

    def run(self, calls: Mapping[Route, Call]) -> Dispatcher:
        """Compile everything.

        Args:
            calls: What calls the handler of each route.

        Raises:
            UnenforcedPolicyError: When a route carries a policy that no plugin enforces, or hides
                one.
            PluginError: When a plugin's predicate fails.
        """
        runner, plugins = self._app._background, self._app.plugins
        runner.on_start = noting_tasks(plugins, "background_task_started")
        runner.on_end = noting_tasks(plugins, "background_task_finished")
        refuse_hidden_policies(calls, self._before_callbacks)
        for route, call in calls.items():
            route.pipeline = self._pipeline(route, call)
        answer = self._dispatcher.answer_unmatched
        route = Route("(unmatched)", answer, methods=(), endpoint="(unmatched)")
        unmatched = self._dispatcher.unmatched = self._pipeline(route, answer)
        self._let_blueprints_answer(unmatched)
        self._dispatcher.refused = unmatched.without_gates(raise_head_fault)
        return self._dispatcher

    def _let_blueprints_answer(self, unmatched: Pipeline) -> None:
        """Have the error handlers of blueprints answer for what is missing below their prefix."""
        if not self._addresses:
            return
        known = self._router.converters
        own = {name: known[name] for name in known if name not in BUILT_IN}
        choose = ErrorHandlersByAddress(self._surroundings((self._app,)).errors, own)
        for address in self._addresses:
            choose.add(address, self._surroundings(address.scopes).errors)
        unmatched.errors.choose_by_address(choose)

    def _pipeline(self, route: Route, call: Call) -> Pipeline:
        scopes = self._scopes(route)
        pipeline = self._compiler.compile(route, call, around=self._surroundings(scopes))
        if route.defaults:
            pipeline.gates = (_with_defaults(route), *pipeline.gates)
        if route.plan is not None and route.plan.last_step is not None:
            # What the handler depends on ends before anything looks back at the request.
            pipeline.finished = ((route.plan.last_step, True), *pipeline.finished)
            pipeline.keeps_thread = True
        pipeline = self._traced(pipeline)
        wrapped = [s for s in scopes if isinstance(s, Blueprint) and s in self._stacks]
        if not wrapped:
            return pipeline
        stacks = tuple(self._stacks[scope] for scope in wrapped)
        through = ThroughMiddleware(stacks, self._dispatcher, pipeline)
        names = (layer.name for scope in wrapped for layer in reversed(scope._layers))
        return pipeline.behind(through, names)

    def _traced(self, pipeline: Pipeline) -> Pipeline:
        """Return the pipeline with its steps wrapped, where the app is traced."""
        settings = self._app.settings
        if not (settings.DEBUG or settings.TRACE_HOOKS or self._app._is_traced):
            return pipeline
        from flasgo.kernel.tracing import traced

        return traced(pipeline, server_timing=settings.DEBUG, log=settings.TRACE_HOOKS)

    def _scopes(self, route: Route) -> tuple[PolicyScope, ...]:
        return route.scopes or (self._app,)

    def _before_callbacks(self, route: Route) -> Iterable[Callable[..., object]]:
        for scope in self._scopes(route):
            if isinstance(scope, RouteScope):
                yield from scope._callbacks.before

    def _surroundings(self, scopes: tuple[PolicyScope, ...]) -> Surroundings:
        known = self._around.get(scopes)
        if known is None:
            callbacks: Iterable = (s._callbacks for s in scopes if isinstance(s, RouteScope))
            known = self._around[scopes] = Surroundings.of(callbacks, self._app.threads)
        return known


def _with_defaults(route: Route) -> Gate:
    """Return a step that adds to the parameters of the path those that the rule does not have."""

    def add_defaults(connection: Connection) -> None:
        connection.path_params = {**route.defaults, **connection.path_params}

    return add_defaults
