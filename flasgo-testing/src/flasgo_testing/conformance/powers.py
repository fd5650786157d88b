"""Cases about what plugins bring for handlers: routes they are told of, types, formats, stores."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from typing import Any

from flasgo import Blueprint, Flasgo, MethodView, WebSocket
from flasgo.plugin import PluginError, Receive, Scope, Send

from .faults import CaseStopped, shorten
from .probes import PREFIX, ProbeError
from .rig import Rig
from .subject import Subject

__all__ = ["serves_what_it_brings", "takes_every_route"]

_JSON = {"content-type": "application/json"}


# --- Routes -----------------------------------------------------------------------------------


def takes_every_route(subject: Subject) -> Iterator[str]:
    """Yield what goes wrong when routes of each kind are registered, served and added later."""
    rig = Rig(subject)
    for name, register in _REGISTRATIONS.items():
        try:
            register(rig.app)
        except Exception as error:  # noqa: BLE001 - judged here
            yield (
                f"{name} cannot be registered with the plugin: {type(error).__name__}: {error} A "
                "hook about routes has to take each kind of them."
            )
    with rig:
        for name in ("lambda", "partial", "view", "nested/inner", "mount/inside"):
            path = f"{PREFIX}/kinds/{name}"
            answer = rig.ask(path, situation=f"the route {path}")
            if answer is not None and answer.status >= 500:
                by = rig.refusal(path)
                status = answer.status
                yield f"As soon as the plugin is there GET {path} is answered with {status}{by}."
        rig.converse(rig.scope(f"{PREFIX}/kinds/socket", situation="a WebSocket of a blueprint"))
        try:
            _add(rig.app, "late", lambda: "late")
            rig.ask(f"{PREFIX}/kinds/late", situation="a route that was added while the app serves")
        except Exception as error:  # noqa: BLE001 - judged here
            yield (f"A route cannot be added while the app serves: {type(error).__name__}: {error}")
        yield from rig.judge()


def _add(app: Flasgo, name: str, handler: Callable[..., object]) -> None:
    app.add_route(f"{PREFIX}/kinds/{name}", handler, endpoint=f"conformance.kinds-{name}")


class _View(MethodView):
    """A view."""

    async def get(self) -> dict[str, bool]:
        """Answer."""
        return {"view": True}


async def _partial(number: int) -> dict[str, int]:
    return {"number": number}


async def _inside(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"inside"})


async def _talk(websocket: WebSocket) -> None:
    await websocket.accept()


def _nest(app: Flasgo) -> None:
    outer = Blueprint("conformance_outer", f"{PREFIX}/kinds")
    inner = Blueprint("conformance_inner", "/nested")
    inner.add_route("/inner", lambda: "inner", endpoint="inner")
    outer.add_route("/socket", _talk, is_websocket=True, endpoint="socket")
    outer.register_blueprint(inner)
    app.register_blueprint(outer)


_REGISTRATIONS: dict[str, Callable[[Flasgo], object]] = {
    "A lambda": lambda app: _add(app, "lambda", lambda: "lambda"),
    "A partial": lambda app: _add(app, "partial", functools.partial(_partial, 1)),
    "A class-based view": lambda app: _add(app, "view", _View),
    "A blueprint in a blueprint": _nest,
    "A mounted app": lambda app: app.mount(f"{PREFIX}/kinds/mount", _inside),
    "A route of a host": lambda app: app.add_route(
        f"{PREFIX}/kinds/host",
        lambda shop: shop,
        host="<shop>.example.com",
        endpoint="conformance.kinds-host",
    ),
}


# Any: a type, as it is annotated.
def _listed(kind: Any) -> str:
    """Return a type as `flasgo plugins` lists it."""
    return f"{kind.__module__}.{kind.__qualname__}" if isinstance(kind, type) else str(kind)


# --- What handlers get and send ---------------------------------------------------------------


def serves_what_it_brings(subject: Subject) -> Iterator[str]:
    """Yield what goes wrong with types, models, formats and session stores of the plugin."""
    rig = Rig(subject)
    made = rig.made
    declared = made.app.plugins.declarations
    types = [kind for kind in declared.provided if _listed(kind) in made.owned("type")]
    for number, kind in enumerate(types):
        _add_provided(rig.app, number, kind)
    for number, sample in enumerate(subject.samples):
        _add_sample(rig.app, number, sample)
    stores = [n for n in made.owned("session store") if n in declared.session_stores]
    formats = [
        declared.custom_types.formats[name]
        for name in made.owned("body format")
        if name in declared.custom_types.formats
    ]
    if not (types or subject.samples or stores or formats):
        return
    yield from _description(rig.app)
    with rig:
        for number, kind in enumerate(types):
            yield from _provided(rig, number, kind)
        for number, sample in enumerate(subject.samples):
            yield from _sampled(rig, number, sample)
        for each in formats:
            yield from _formatted(rig, each.media_type, each.encode)
        for scheme in stores:
            yield from _stored(rig, scheme, declared.session_stores[scheme])
        yield from rig.judge()


def _description(app: Flasgo) -> Iterator[str]:
    try:
        json.dumps(app.openapi_spec())
    except Exception as error:  # noqa: BLE001 - judged here
        yield (
            "The API description of routes with what the plugin brings fails: "
            f"{type(error).__name__}: {error} A schema is a dict that JSON can hold."
        )


# Any: a type, as it is annotated.
def _add_provided(app: Flasgo, number: int, kind: Any) -> None:
    async def given(value: object) -> dict[str, bool]:
        return {"right": not isinstance(kind, type) or isinstance(value, kind)}

    async def failing(value: object) -> None:
        raise ProbeError("This handler fails, as handlers do.")

    async def talking(websocket: WebSocket, value: object) -> None:
        await websocket.accept()

    for handler in (given, failing, talking):
        handler.__annotations__["value"] = kind
        # A plugin may have nothing to give to WebSockets, and say so when they are registered.
        with suppress(PluginError) if handler is talking else nullcontext():
            app.add_route(
                f"{PREFIX}/provided/{number}/{handler.__name__}",
                handler,
                endpoint=f"conformance.provided-{number}-{handler.__name__}",
                is_websocket=handler is talking,
            )


# Any: a type, as it is annotated.
def _provided(rig: Rig, number: int, kind: Any) -> Iterator[str]:
    shown = getattr(kind, "__qualname__", str(kind))
    path = f"{PREFIX}/provided/{number}"
    for headers in (None, ()):
        what = "a request without headers" if headers == () else "a request"
        for _ in range(2):
            scope = rig.scope(f"{path}/given", headers=headers, situation=what)
            answer = rig.send(scope)
            if answer is None:
                continue
            if answer.status >= 500:
                error = scope.get("flasgo.exception")
                by = rig.refusal(f"{path}/given")
                if by:
                    yield f"A handler that asks for {shown} is answered with {answer.status}{by}."
                    break
                yield (
                    f"A handler that asks for {shown} fails for {what}: "
                    f"{type(error).__name__}: {shorten(error)}. Its provider has to raise "
                    "HTTPException where it can give none."
                )
                break
            if answer.status == 200 and json.loads(answer.body) != {"right": True}:
                yield f"A handler that asks for {shown} gets a value of another type."
    scope = rig.scope(f"{path}/failing", situation="a handler that fails")
    rig.send(scope)
    error = scope.get("flasgo.exception")
    if error is not None and not isinstance(error, ProbeError):
        yield (
            f"Where a handler that asks for {shown} raises, its error is lost: "
            f"{type(error).__name__}: {error} took its place. Let a provider clean up in `finally`."
        )
    rig.converse(rig.scope(f"{path}/talking", situation=f"a WebSocket that asks for {shown}"))


_BAD_BODIES = (b"{", b"null", b"[]", b'"x"', b"1e999", b'{"a": NaN}', b"[" * 2000, b"\xff")


# Any: a value of whatever type the plugin knows.
def _add_sample(app: Flasgo, number: int, sample: Any) -> None:
    async def leaving() -> dict[str, object]:
        return {"sample": sample, "list": [sample]}

    app.add_route(f"{PREFIX}/sample/{number}", leaving, endpoint=f"conformance.sample-{number}")
    if app.plugins.declarations.custom_types.adapter_of(type(sample)) is None:
        return

    async def arriving(body: object) -> object:
        return body

    arriving.__annotations__.update({"body": type(sample), "return": type(sample)})
    endpoint = f"conformance.sample-{number}-in"
    app.add_route(f"{PREFIX}/sample/{number}", arriving, ("POST",), endpoint=endpoint)


def _sampled(rig: Rig, number: int, sample: object) -> Iterator[str]:
    shown, path = type(sample).__qualname__, f"{PREFIX}/sample/{number}"
    scope = rig.scope(path, situation=f"an answer with a {shown}")
    answer = rig.send(scope)
    if answer is None or answer.status != 200:
        error = scope.get("flasgo.exception")
        yield f"A {shown} cannot leave as JSON: {type(error).__name__}: {error}"
        return
    if rig.app.plugins.declarations.custom_types.adapter_of(type(sample)) is None:
        return
    sent = json.dumps(json.loads(answer.body)["sample"]).encode()
    back = rig.ask(path, "POST", headers=_JSON, body=sent, situation=f"a {shown} as body")
    if back is not None and back.status != 200:
        yield f"A {shown} that has left as JSON is not taken as a body: {back.status}."
    for body in _BAD_BODIES:
        bad = rig.ask(path, "POST", headers=_JSON, body=body, situation="a bad body")
        if bad is not None and not 400 <= bad.status < 500:
            yield (
                f"The body {body[:12]!r} for a {shown} is answered with {bad.status}. Let decode "
                "raise ModelError for all that makes no model."
            )


# Any: plain data.
def _formatted(rig: Rig, media_type: str, encode: Callable[[Any], bytes]) -> Iterator[str]:
    path = f"{PREFIX}/plain"
    headers = {"accept": media_type}
    scope = rig.scope(path, situation=f"an answer as {media_type}")
    scope["headers"] += [(k.encode(), v.encode()) for k, v in headers.items()]
    answer = rig.send(scope)
    if answer is None or answer.status >= 500:
        error = scope.get("flasgo.exception")
        yield f"Data cannot leave as {media_type}: {type(error).__name__}: {error}"
    data = {"text": "ü", "list": [1, 2.5, None, True], "nested": {"a": {}}}
    declared = rig.app.plugins.declarations.custom_types.formats[media_type]
    if declared.decode(encode(data)) != data:
        yield f"What {media_type} encodes is not what it decodes: try {data}."
    for body in (b"", b"\xff\xfe", b"{", b"\x00" * 64, b"[" * 5000, encode(data)[:-1]):
        try:
            declared.decode(body)
        except ValueError:
            continue
        except RecursionError:
            yield f"{media_type} runs out of stack for {body[:8]!r}...: bound the depth."
        except Exception as error:  # noqa: BLE001 - judged here
            yield (
                f"The decoder of {media_type} raises {type(error).__name__} for {body[:8]!r}: "
                "answered with 500. Raise ValueError, for a 400."
            )
            return


# Any: the store that the plugin makes.
def _stored(rig: Rig, scheme: str, factory: Callable[[str, str], Any]) -> Iterator[str]:
    uri = str(rig.subject.settings.get("SESSION_STORE_URI", ""))
    if not uri.startswith(f"{scheme}:"):
        return
    faults: list[str] = []

    async def use() -> None:
        store = factory(uri, "conformance:")
        try:
            await _use(store, faults.append)
        finally:
            await store.close()

    try:
        rig.call(use)
    except CaseStopped as stop:
        yield str(stop)
    except Exception as error:  # noqa: BLE001 - judged here
        yield f"The session store {scheme!r} fails: {type(error).__name__}: {error}"
    yield from (f"The session store {scheme!r}: {fault}" for fault in faults)


# Any: the store that the plugin makes.
async def _use(store: Any, fault: Callable[[str], None]) -> None:
    name, other = "conformance-one", "conformance-two"
    await store.take(name)
    if await store.load(name) != {}:
        fault("load gives something for a session that is not there; it has to give {}.")
    if await store.merge(name, {"a": b"1"}, (), lifetime=60, create=False) != -1:
        fault("merge with create=False makes a session that has ended; it has to return ENDED.")
    await store.merge(name, {"a": b"1", "b": b"2"}, (), lifetime=60, create=True)
    await store.merge(name, {"c": b"3"}, ("b",), lifetime=60, create=False)
    held = {"a": b"1", "c": b"3"}
    if await store.load(name) != held:
        fault("merge does not keep the fields that it was not given; it changes the others only.")
    if await store.load(other) != {}:
        fault("two identifiers have one session.")
    if await store.take(name) != held:
        fault("take does not return what the session held.")
    if await store.load(name) != {}:
        fault("a session that was taken is still there.")
