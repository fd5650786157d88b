"""Formats of bodies besides JSON: `registry.body_format` (PLUG-11)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
import pytest
from flasgo import Body, Flasgo, PluginError, Response, hookimpl
from flasgo.plugin import full_name
from openapi_spec_validator import validate

from tests.conftest import Connect

MSGPACK = "application/msgpack"
pack, unpack = msgspec.msgpack.encode, msgspec.msgpack.decode
MakeApp = Callable[..., Flasgo]


def bringing(
    name: str = "msgpack", media_type: Any = MSGPACK, decode: Any = unpack, encode: Any = pack
) -> Any:
    def plugin_setup(self: object, registry: Any) -> None:
        registry.body_format(media_type, decode, encode)

    return type("Format", (), {"name": name, "plugin_setup": hookimpl(plugin_setup)})()


class Item(msgspec.Struct):
    name: str
    price: Annotated[int, msgspec.Meta(ge=0)]
    tags: list[str] = []


def shop(make_app: MakeApp, *plugins: Any) -> Flasgo:
    app = make_app(*(plugins or (bringing(),)), settings={"MAX_REQUEST_BODY_BYTES": 1000})

    @app.post("/items")
    async def add(item: Item) -> dict[str, object]:
        return {"added": item.name, "price": item.price}

    @app.post("/parts")
    async def parts(item: Annotated[Item, Body()], count: Annotated[int, Body()] = 1) -> object:
        return {"n": item.price * count}, 201, {"etag": '"1"', "x-own": "yes"}

    @app.post("/maybe")
    async def maybe(item: Item | None = None) -> dict[str, bool]:
        return {"given": item is not None}

    @app.get("/item", response_model=Item, status_code=203)
    async def item() -> object:
        return {"name": "tea", "price": 2, "secret": 5}

    @app.get("/own")
    async def own() -> Response:
        return Response.json({"json": True})

    app.add_route("/text", lambda: "hello", endpoint="text")
    app.add_route("/none", lambda: None, endpoint="none")
    return app


def send(client: Any, path: str, data: object, **headers: str) -> Any:
    sent = data if isinstance(data, bytes) else pack(data)
    return client.post(path, content=sent, headers={"content-type": MSGPACK, **headers})


def test_a_body_is_read_by_its_content_type(make_app: MakeApp, connect: Connect) -> None:
    client = connect(shop(make_app))
    answer = send(client, "/items", {"name": "tea", "price": 2})
    assert answer.json() == {"added": "tea", "price": 2}
    assert client.post("/items", json={"name": "tea", "price": 2}).json() == answer.json()
    assert send(client, "/parts", {"item": {"name": "t", "price": 2}, "count": 3}).json() == {
        "n": 6
    }
    assert send(client, "/maybe", b"").json() == {"given": False}
    charset = f"{MSGPACK.upper()}; charset=binary"
    sent = pack({"name": "tea", "price": 2})
    headers = {"content-type": charset}
    assert client.post("/items", content=sent, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (MSGPACK, MSGPACK),
        (f"application/json;q=0.5, {MSGPACK}", MSGPACK),
        (f"{MSGPACK}, application/json", "application/json"),  # a tie: JSON is the default
        ("*/*", "application/json"),
        ("application/xml", "application/json"),  # RFC 9110, 12.4.1: what is there is sent
    ],
)
def test_an_answer_leaves_in_the_format_that_the_client_likes(
    make_app: MakeApp, connect: Connect, accept: str, kind: str
) -> None:
    client = connect(shop(make_app))
    answer = client.get("/item", headers={"accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (203, kind)
    assert "accept" in answer.headers["vary"].lower()
    read = unpack if kind == MSGPACK else json.loads
    assert read(answer.content) == {"name": "tea", "price": 2, "tags": []}
    assert int(answer.headers["content-length"]) == len(answer.content)
    head = client.head("/item", headers={"accept": accept})
    assert head.headers["content-length"] == answer.headers["content-length"]


def test_status_and_headers_of_a_tuple_are_kept_and_the_etag_is_weak(
    make_app: MakeApp, connect: Connect
) -> None:
    body = {"item": {"name": "t", "price": 2}}
    answer = send(connect(shop(make_app)), "/parts", body, accept=MSGPACK)
    assert (answer.status_code, answer.headers["x-own"]) == (201, "yes")
    assert (answer.headers["etag"], unpack(answer.content)) == ('W/"1"', {"n": 2})


@pytest.mark.parametrize("path", ["/own", "/text", "/none"])
def test_what_is_no_data_is_sent_as_it_is(make_app: MakeApp, connect: Connect, path: str) -> None:
    with_it, without = connect(shop(make_app)), connect(shop(make_app, bringing("x", "x/y")))
    ours = with_it.get(path, headers={"accept": MSGPACK})
    theirs = without.get(path, headers={"accept": MSGPACK})
    assert (ours.status_code, ours.content) == (theirs.status_code, theirs.content)
    assert ours.headers.get("content-type") == theirs.headers.get("content-type")


def test_what_is_invalid_is_told_as_for_json(make_app: MakeApp, connect: Connect) -> None:
    client = connect(shop(make_app))
    bad = {"name": 5, "price": -1}
    answer, same = send(client, "/items", bad), client.post("/items", json=bad)
    assert (answer.status_code, answer.json()) == (422, same.json())
    assert [each["loc"] for each in answer.json()["errors"]] == [
        ["body", "name"],
        ["body", "price"],
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"\xc1",  # no such type
        pack({"name": "x", "price": 1})[:-1],
        pack({"name": "x", "price": 1}) + b"\x00",
        b"\xdd\xff\xff\xff\xff",  # an array of four thousand million
        b"\x91" * 600 + b"\x01",  # 600 levels deep
        b"",
    ],
)
def test_what_is_malformed_is_a_400(make_app: MakeApp, connect: Connect, body: bytes) -> None:
    answer = send(connect(shop(make_app)), "/items", body)
    assert (answer.status_code, answer.json()["error"]) == (400, "bad_request")
    assert f"not valid {MSGPACK}" in answer.json()["detail"] or len(body) > 600


def test_a_body_that_is_too_large_is_not_decoded(make_app: MakeApp, connect: Connect) -> None:
    seen: list[bytes] = []
    app = shop(make_app, bringing(decode=lambda body: seen.append(body) or unpack(body)))
    assert send(connect(app), "/items", pack("x" * 2000)).status_code == 413
    assert not seen


def test_another_type_is_a_415_that_names_what_is_taken(
    make_app: MakeApp, connect: Connect
) -> None:
    headers = {"content-type": "application/xml"}
    answer = connect(shop(make_app)).post("/items", content=b"<a/>", headers=headers)
    assert answer.status_code == 415
    assert f"takes application/json, {MSGPACK}, not 'application/xml'" in answer.json()["detail"]
    assert answer.headers["accept"] == f"application/json, {MSGPACK}"
    # What is too large is refused for its type, before it is read.
    large = connect(shop(make_app)).post("/items", content=b"x" * 2000, headers=headers)
    assert large.status_code == 415
    without = connect(make_app())
    assert "accept" not in without.post("/", content=b"", headers=headers).headers


def test_what_fails_in_the_plugin_is_a_500_that_names_it(
    make_app: MakeApp, connect: Connect
) -> None:
    def broken(value: object) -> bytes:
        raise ZeroDivisionError("inside")

    client = connect(shop(make_app, bringing("broken", decode=broken, encode=broken)))
    answer = send(client, "/items", {"name": "tea", "price": 2})
    assert answer.status_code == 500
    assert "Plugin 'broken' failed to decode" in str(answer.extensions["exception"])
    answer = client.get("/item", headers={"accept": MSGPACK})
    assert "Plugin 'broken' failed to encode" in str(answer.extensions["exception"])


def test_the_description_shows_each_media_type(make_app: MakeApp) -> None:
    app = shop(make_app)
    document = app.openapi_spec()
    validate(json.loads(json.dumps(document)))
    operation = document["paths"]["/items"]["post"]
    for content in (
        operation["requestBody"]["content"],
        operation["responses"]["200"]["content"],
        document["paths"]["/parts"]["post"]["requestBody"]["content"],
        document["paths"]["/item"]["get"]["responses"]["203"]["content"],
    ):
        assert list(content) == ["application/json", MSGPACK]
        assert content[MSGPACK]["schema"] == content["application/json"]["schema"]
    assert MSGPACK not in operation["responses"]["422"]["content"]


def test_listings_show_it(make_app: MakeApp) -> None:
    app = shop(make_app)
    assert f"body format {MSGPACK}" in app.plugins["msgpack"].brings
    stages = app.explain(next(route for route in app.routes if route.path == "/items"))
    assert ("body_format", "msgpack", MSGPACK) in [(s.stage, s.plugin, s.reason) for s in stages]


def test_two_plugins_with_one_type_are_refused(make_app: MakeApp) -> None:
    with pytest.raises(PluginError, match=r"'a' and 'b' both bring the body format 'x/y'"):
        make_app(bringing("a", "x/y"), bringing("b", "x/y"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"media_type": "Application/X"}, "media type 'Application/X'; give one in lower case"),
        ({"media_type": "x/y; v=1"}, "without parameters"),
        ({"media_type": 5}, "media type 5"),
        ({"media_type": "x/*"}, "media type 'x/\\*'"),
        ({"media_type": "application/json"}, "core reads and writes application/json itself"),
        ({"media_type": "application/a+json"}, "itself; bring another format"),
        ({"media_type": "multipart/form-data"}, "as a form"),
        ({"decode": 5}, "the decode of body format 'application/msgpack' is 5"),
        ({"encode": None}, "the encode of body format"),
    ],
)
def test_misuse_is_refused(make_app: MakeApp, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(PluginError, match=message):
        make_app(bringing("f", **arguments))


def test_apps_without_formats_have_their_calls_as_they_were(make_app: MakeApp) -> None:
    app = make_app()

    async def index() -> dict[str, int]:
        return {}

    app.add_route("/", index, endpoint="index")
    app._compile()
    plan = app.routes[0].plan
    assert plan is not None
    assert "in_formats" not in full_name(plan.call)
