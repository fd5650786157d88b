"""Calls a handler with the arguments of its plan: the shortest way that does it."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, cast

from msgspec import Struct

from flasgo.binding.bodies import FormBody, JsonBody
from flasgo.binding.dependencies import Exits, Node, exits_of
from flasgo.binding.errors import InvalidRequestError, ValidationProblem, validation_failed
from flasgo.binding.fields import Reader
from flasgo.callables import is_async, is_generator
from flasgo.errors import HTTPException
from flasgo.requests.connection import Connection
from flasgo.requests.request import Request

if TYPE_CHECKING:
    from flasgo.kernel.pipeline import Call
    from flasgo.kernel.threads import WorkerThreads
    from flasgo.routing import Route

__all__ = ["Arguments", "make_call"]

# `Any`: what handlers take and return is their authors' business.
Run = Callable[..., Awaitable[Any]]


class Arguments(Struct, frozen=True):
    """Where the arguments of a handler come from.

    The values of a call are numbered: the connection is 0, then what `readers` read, what the
    body fills, and what the dependencies return.

    Attributes:
        positional: Values that the handler takes by position.
        named: Values that it takes by keyword.
        readers: What is read from path, query, headers and cookies.
        body: What is read from the body.
        nodes: The dependencies, each after those it depends on.
        takes_connection_first: Whether its one parameter can be given by position.
    """

    positional: tuple[int, ...]
    named: tuple[tuple[str, int], ...]
    readers: tuple[Reader, ...]
    body: JsonBody | FormBody | None
    nodes: tuple[Node, ...]
    takes_connection_first: bool


def make_call(route: Route, threads: WorkerThreads, arguments: Arguments) -> Call:
    """Return the function that calls a route's handler for a request.

    PERF: a handler that asks for nothing, or for the request alone, is called as it is.

    Args:
        route: The route.
        threads: Where a `def` handler runs, unless the route says `blocking=False`.
        arguments: Where its arguments come from.
    """
    run = _runner(route, threads)
    if arguments.body is None and not arguments.nodes:
        if not arguments.readers:
            return _plain(run, arguments)
        return _with_fields(run, arguments)
    body = arguments.body
    if isinstance(body, JsonBody) and not body.has_fields and not arguments.nodes:
        return _with_json(run, arguments, body)
    return _with_everything(run, arguments)


def _runner(route: Route, threads: WorkerThreads) -> Run:
    handler = route.handler
    if is_async(handler):
        return cast("Run", handler)
    if route.blocking and not is_generator(handler):

        async def run_in_thread(*args: Any, **kwargs: Any) -> Any:
            result = await threads.run_handler(handler, *args, **kwargs)
            return await result if inspect.isawaitable(result) else result

        return run_in_thread

    async def run_inline(*args: Any, **kwargs: Any) -> Any:
        result = handler(*args, **kwargs)
        return await result if inspect.isawaitable(result) else result

    return run_inline


def _plain(run: Run, arguments: Arguments) -> Call:
    if not arguments.positional and not arguments.named:
        return lambda _: run()
    if arguments.takes_connection_first:
        return run
    count, names = len(arguments.positional), [name for name, _ in arguments.named]
    return lambda connection: run(*[connection] * count, **dict.fromkeys(names, connection))


def _sources(arguments: Arguments) -> tuple[tuple[str, Reader], ...]:
    """Return the keyword arguments that need no body and no dependency, with their readers."""
    return tuple(
        (name, _itself if index == 0 else arguments.readers[index - 1])
        for name, index in arguments.named
        if index <= len(arguments.readers)
    )


def _itself(connection: Connection) -> Connection:
    return connection


def _with_fields(run: Run, arguments: Arguments) -> Call:
    sources, readers = _sources(arguments), arguments.readers
    count = len(arguments.positional)

    if len(sources) == 1 and not count:
        return _with_one_field(run, *sources[0])

    def call(connection: Connection) -> Awaitable[Any]:
        try:
            named = {name: read(connection) for name, read in sources}
        except InvalidRequestError:
            raise validation_failed(_problems(readers, connection)) from None
        return run(*[connection] * count, **named)

    return call


def _with_one_field(run: Run, name: str, read: Reader) -> Call:
    # PERF: the usual handler has one parameter, that of its path.
    def call(connection: Connection) -> Awaitable[Any]:
        try:
            value = read(connection)
        except InvalidRequestError:
            raise validation_failed(_problems((read,), connection)) from None
        return run(**{name: value})

    return call


def _with_json(run: Run, arguments: Arguments, body: JsonBody) -> Call:
    sources, readers = _sources(arguments), arguments.readers
    count, read_body = len(arguments.positional), body.reader()
    name = next(name for name, index in arguments.named if index == len(readers) + 1)

    async def call(connection: Connection) -> Any:
        request = cast("Request", connection)
        try:
            named = {name: read(request) for name, read in sources}
            named[name] = await read_body(request)
        except InvalidRequestError:
            raise await _validation_failed(readers, read_body, request) from None
        return await run(*[request] * count, **named)

    return call


def _with_everything(run: Run, arguments: Arguments) -> Call:
    positional, named = arguments.positional, arguments.named
    readers, nodes = arguments.readers, arguments.nodes
    read_body = _body_reader(arguments.body)

    async def values_of(connection: Connection) -> list[Any]:
        values: list[Any] = [connection]
        try:
            values += [read(connection) for read in readers]
            if read_body is not None:
                values += await read_body(cast("Request", connection))
        except InvalidRequestError:
            raise await _validation_failed(
                readers, read_body, cast("Request", connection)
            ) from None
        return values

    async def call_with(exits: Exits, connection: Connection, values: list[Any]) -> Any:
        for node in nodes:
            values.append(await node(exits, values))
        return await run(
            *[values[index] for index in positional],
            **{name: values[index] for name, index in named},
        )

    if not any(node.is_generator for node in nodes):
        none = Exits()

        async def call(connection: Connection) -> Any:
            return await call_with(none, connection, await values_of(connection))

        return call

    async def call_and_remember(connection: Connection) -> Any:
        values = await values_of(connection)
        exits = exits_of(connection)
        try:
            return await call_with(exits, connection, values)
        except Exception as error:
            # There is no response yet: what a generator raises instead becomes one.
            await exits.close(error)
            raise
        except BaseException as error:
            exits.error = error
            raise

    return call_and_remember


def _body_reader(
    body: JsonBody | FormBody | None,
) -> Callable[[Request], Awaitable[list[Any]]] | None:
    """Return a function that reads all the values that a body holds."""
    if body is None:
        return None
    if isinstance(body, FormBody):
        return _form_reader(body)
    read = body.reader()
    if not body.has_fields:

        async def read_one(request: Request) -> list[Any]:
            return [await read(request)]

        return read_one

    names = [f"field_{index}" for index in range(len(body.parts))]

    async def read_several(request: Request) -> list[Any]:
        whole = await read(request)
        return [getattr(whole, name) for name in names]

    return read_several


def _form_reader(body: FormBody) -> Callable[[Request], Awaitable[list[Any]]]:
    readers = tuple(field.reader() for field in body.fields)

    async def read_form(request: Request) -> list[Any]:
        form = await request.form()
        try:
            return [read(form) for read in readers]
        except InvalidRequestError:
            raise InvalidRequestError(_problems(readers, form)) from None

    return read_form


# --- What is wrong ----------------------------------------------------------------------------


def _problems(readers: tuple[Reader, ...], source: object) -> list[ValidationProblem]:
    """Read everything once more, to tell all that is wrong at once."""
    problems: list[ValidationProblem] = []
    for read in readers:
        try:
            read(source)
        except InvalidRequestError as error:
            problems += error.problems
    return problems


async def _validation_failed(
    readers: tuple[Reader, ...],
    read_body: Callable[[Request], Awaitable[object]] | None,
    request: Request,
) -> HTTPException:
    problems = _problems(readers, request)
    if read_body is not None:
        try:
            await read_body(request)
        except InvalidRequestError as error:
            problems += error.problems
    return validation_failed(problems)
