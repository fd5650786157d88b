"""JSON bodies and forms into types (REQ-6), and what hostile ones come to (REQ-2)."""

from __future__ import annotations

import dataclasses
import json
import tracemalloc
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Generic, TypedDict, TypeVar

import msgspec
import pytest
from flasgo import Body, Flasgo, Form, Query, Request, RouteError, UploadedFile
from flasgo.binding.errors import ProblemFinder
from flasgo_testing import TestClient

JSON = {"content-type": "application/json"}
T = TypeVar("T")
FORM_KIND = {"content-type": "application/x-www-form-urlencoded"}


class Colour(Enum):
    RED = "red"


class Line(msgspec.Struct):
    sku: Annotated[str, msgspec.Meta(min_length=1, max_length=10)]
    price: Decimal
    quantity: Annotated[int, msgspec.Meta(ge=1)] = 1


class Order(msgspec.Struct, forbid_unknown_fields=True):
    items: list[Line]
    when: date
    colour: Colour = Colour.RED
    limits: dict[str, dict[str, int]] = {}


@dataclasses.dataclass
class Note:
    text: str
    stars: int = 0


class Tag(TypedDict):
    name: str


class Tree(msgspec.Struct):
    children: list[Tree] = []


class Cat(msgspec.Struct, tag="cat"):
    lives: int


class Dog(msgspec.Struct, tag="dog"):
    tricks: list[str]


class Even(msgspec.Struct):
    number: int

    def __post_init__(self) -> None:
        if self.number % 2:
            raise ValueError("number must be even")


class Contact(msgspec.Struct):
    name: str
    age: int | None = None
    colours: list[Colour] = []


LINE = {"sku": "x", "price": "1.50"}
ORDER: dict[str, Any] = {"items": [LINE], "when": "2024-02-29"}


def locations(answer: Any) -> list[list[object]]:
    assert answer.status_code == 422, answer.text
    return [fault["loc"] for fault in answer.json()["errors"]]


# --- JSON ---------------------------------------------------------------------------------------


@pytest.fixture
def orders(app: Flasgo) -> Flasgo:
    @app.post("/orders/<int:number>")
    async def create(number: int, order: Order, dry_run: bool = False) -> list[object]:
        assert isinstance(order.items[0].price, Decimal)
        return [number, order, dry_run]

    return app


def test_a_struct_is_the_json_body(orders: Flasgo, client: TestClient) -> None:
    answer = client.post("/orders/3?dry_run=true", json=ORDER)
    assert answer.json() == [
        3,
        {
            "items": [{**LINE, "quantity": 1}],
            "when": "2024-02-29",
            "colour": "red",
            "limits": {},
        },
        True,
    ]


@pytest.mark.parametrize("annotation", [Note, Tag, list[Note], Cat | Dog, dict[str, Any]])
def test_other_classes_are_the_json_body_too(
    app: Flasgo, client: TestClient, annotation: Any
) -> None:
    async def handler(thing) -> list[str]:
        return [type(thing).__name__]

    handler.__annotations__["thing"] = annotation
    app.post("/")(handler)
    bodies = {
        Note: {"text": "x"},
        Tag: {"name": "x"},
        list[Note]: [{"text": "x"}],
        Cat | Dog: {"type": "dog", "tricks": []},
        dict[str, Any]: {"a": 1},
    }
    names = {Note: "Note", Tag: "dict", list[Note]: "list", Cat | Dog: "Dog"}
    assert client.post("/", json=bodies[annotation]).json() == [names.get(annotation, "dict")]
    assert client.post("/", json=[{"type": "SECRET"}]).status_code == 422
    assert "SECRET" not in client.post("/", json={"type": "SECRET"}).text


def test_faults_of_all_places_come_together_with_exact_locations(
    orders: Flasgo, client: TestClient
) -> None:
    body = {
        "items": [LINE, LINE, LINE, {**LINE, "price": "SECRET"}],
        "colour": "SECRET",
        "limits": {"a": {"x": 1}, "b": {"x": 1, "y": "SECRET", "z": 2}, "c": {"x": 1}},
    }
    answer = client.post("/orders/3?dry_run=perhaps", json=body)
    assert locations(answer) == [
        ["query", "dry_run"],
        ["body", "items", 3, "price"],
        ["body", "when"],
        ["body", "colour"],
        ["body", "limits", "b", "y"],
    ]
    assert "SECRET" not in answer.text


class Box(msgspec.Struct, Generic[T]):
    """A generic, whose fields have the types of its arguments."""

    content: T
    labels: dict[str, T] = {}


class Crate(Box[list[int]], kw_only=True):
    weight: int


Price = Annotated[Decimal, msgspec.Meta(description="In euros.")]


@pytest.mark.parametrize(
    ("annotation", "body", "expected"),
    [
        (
            list[Line],
            [{"sku": ""}, LINE, {**LINE, "price": "x"}, 5],
            [[0, "sku"], [0, "price"], [2, "price"], [3]],
        ),
        (
            Box[Note],
            {"content": {"text": 1}, "labels": {"a": {"text": "x"}, "b": {}, "c": {"text": 2}}},
            [["content", "text"], ["labels", "b", "text"], ["labels", "c", "text"]],
        ),
        (Crate, {"content": [1, "x", "y"]}, [["weight"], ["content", 1], ["content", 2]]),
        (Box[Cat | Dog], {"content": {"type": "dog", "tricks": [1, 2]}}, None),
        (Box[Cat | Dog], {"content": {"type": "cow"}}, [["content", "type"]]),
        (Box[Cat | Dog], {"content": {"tricks": []}}, [["content", "type"]]),
        (Box[Note | None], {"content": None, "labels": 5}, [["labels"]]),
        (tuple[int, str], ["x", 1], [[0], [1]]),
        (tuple[int, str], [1], [[]]),
        (Annotated[list[int], msgspec.Meta(max_length=1)], [1, 2], [[]]),
        (dict[int, int], {"a": 1, "1": "x"}, [[], ["1"]]),
        (list[Price], ["NaN", "1", "Infinity", "x"], [[0], [2], [3]]),
    ],
)
def test_the_problems_of_all_parts_are_told(
    app: Flasgo,
    client: TestClient,
    annotation: Any,
    body: object,
    expected: list[list[object]] | None,
) -> None:
    async def handler(thing) -> None: ...

    handler.__annotations__["thing"] = Annotated[annotation, Body()]
    app.post("/")(handler)
    if expected is None:
        expected = [["content", "tricks", 0], ["content", "tricks", 1]]
    found = locations(client.post("/", json=body))
    assert sorted(map(repr, found)) == sorted(repr(["body", *each]) for each in expected)


class Amounts(msgspec.Struct):
    amount: Decimal
    others: dict[str, list[Decimal]] = {}
    note: str = ""
    pair: tuple[Decimal, ...] = ()
    some: set[Decimal] = set()
    keys: dict[Decimal, int] = {}
    raw: msgspec.Raw = msgspec.Raw(b"null")


@pytest.mark.parametrize(
    ("body", "location"),
    [
        (b'{"amount": "NaN"}', ["amount"]),
        (b'{"amount": "-sNaN"}', ["amount"]),
        (b'{"amount": "Infinity"}', ["amount"]),
        # What Python reads as such.
        (b'{"amount": "n_a_n"}', ["amount"]),
        (b'{"amount": " +inf"}', ["amount"]),
        ('{"amount": "\u2003inf"}'.encode(), ["amount"]),
        (rb'{"amount": "\u004eaN"}', ["amount"]),
        (rb'{"amount": "1", "others": {"a": ["1", "nan"]}}', ["others", "a", 1]),
        (rb'{"amount": "1", "others": {"a b": ["1", "nan"]}}', ["others", "a b", 1]),
        (rb'{"amount": "1", "pair": ["1", "nan"]}', ["pair", 1]),
        (rb'{"amount": "1", "some": ["nan"]}', ["some", 0]),
        (rb'{"amount": "1", "keys": {"nan": 1}}', ["keys", "*"]),
        # A gigabyte of digits, for whoever makes an int of it.
        (b'{"amount": "1e999999999"}', ["amount"]),
        (b'{"amount": "-1E-9_999_999_9"}', ["amount"]),
        ('{"amount": "1e\uff19999999999"}'.encode(), ["amount"]),
    ],
)
def test_decimals_are_numbers(
    app: Flasgo, client: TestClient, body: bytes, location: list[object]
) -> None:
    @app.post("/")
    async def handler(amounts: Amounts) -> list[Decimal]:
        return [amounts.amount]

    assert locations(client.post("/", content=body, headers=JSON)) == [["body", *location]]
    for good in (b"1.5", b'"1e6"', b'"0e99999999"', b'"-0.10", "note": "an infinite banana"'):
        answer = client.post("/", content=b'{"amount": ' + good + b"}", headers=JSON)
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("body", "location", "message"),
    [
        ({**ORDER, "surprise": 1}, ["body", "surprise"], "is not a known field"),
        ({**ORDER, "<script>": 1}, ["body"], "is not a known field"),
        ({**ORDER, "items": 5}, ["body", "items"], "Expected `array`, got `int`"),
        ({**ORDER, "items": [{"sku": "x"}]}, ["body", "items", 0, "price"], "is required"),
        ({**ORDER, "items": [{**LINE, "sku": ""}]}, ["body", "items", 0, "sku"], "Expected `str`"),
        (5, ["body"], "Expected `object`, got `int`"),
        (None, ["body"], "Expected `object`, got `null`"),
    ],
)
def test_each_fault_is_told_where_it_is(
    orders: Flasgo, client: TestClient, body: object, location: list[object], message: str
) -> None:
    answer = client.post("/orders/3", content=json.dumps(body), headers=JSON)
    assert locations(answer) == [location]
    assert answer.json()["errors"][0]["msg"].startswith(message)


def test_a_message_of_the_apps_own_check_goes_to_the_client(
    app: Flasgo, client: TestClient
) -> None:
    @app.post("/")
    async def handler(even: Even) -> None: ...

    answer = client.post("/", json={"number": 3})
    assert answer.json()["errors"] == [{"loc": ["body"], "msg": "number must be even"}]


def test_several_body_parameters_are_one_object(app: Flasgo, client: TestClient) -> None:
    @app.post("/")
    async def handler(
        note: Note,
        count: Annotated[int, Body(alias="how-many")],
        tags: Annotated[list[str], Body()] = ["none"],  # noqa: B006
    ) -> list[object]:
        return [note.text, count, tags]

    assert client.post("/", json={"note": {"text": "x"}, "how-many": 2}).json() == [
        "x",
        2,
        ["none"],
    ]
    answer = client.post("/", json={"note": {}, "tags": [1]})
    assert locations(answer) == [
        ["body", "note", "text"],
        ["body", "how-many"],
        ["body", "tags", 0],
    ]


def test_a_body_parameter_with_an_alias_is_a_field_of_it(app: Flasgo, client: TestClient) -> None:
    @app.post("/")
    async def handler(note: Annotated[Note, Body(alias="the-note")]) -> list[str]:
        return [note.text]

    assert client.post("/", json={"the-note": {"text": "x"}}).json() == ["x"]
    assert locations(client.post("/", json={"text": "x"})) == [["body", "the-note"]]
    body = app.openapi_spec()["paths"]["/"]["post"]["requestBody"]
    assert body["content"]["application/json"]["schema"]["required"] == ["the-note"]


def test_a_body_with_a_default_may_be_left_out(app: Flasgo, client: TestClient) -> None:
    @app.post("/")
    async def handler(note: Note | None = None) -> list[object]:
        return [note and note.text]

    assert client.post("/").json() == [None]
    assert client.post("/", headers=JSON).json() == [None]
    assert client.post("/", content=b"null", headers=JSON).json() == [None]
    vendor = {"content-type": "application/vnd.x+json"}
    assert client.post("/", content=b'{"text":"x"}', headers=vendor).json() == ["x"]
    plain = {"content-type": "text/plain"}
    assert client.post("/", content=b"text", headers=plain).status_code == 415


def test_the_body_can_still_be_read_by_hand(app: Flasgo, client: TestClient) -> None:
    @app.post("/")
    async def handler(request: Request, note: Note) -> list[object]:
        return [note.text, await request.json(), len(await request.body())]

    assert client.post("/", content=b'{"text":"x"}', headers=JSON).json() == [
        "x",
        {"text": "x"},
        12,
    ]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"nonsense", 400),
        (b'{"number": NaN}', 400),
        (b'{"number": Infinity}', 400),
        (b'{"number": 2, "x": "\xff"}', 400),
        (b'\xff\xfe{"number": 2}', 400),
        (b'{"number": "\\ud800"}', 400),
        (b'{"number": 2} trailing', 400),
        (b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b', "number": 2}', 400),
        (b'{"number": ' + b"9" * 100_000 + b"}", 422),
        (b'{"number": 1e999}', 422),
        (b'{"number": {"a": 1}}', 422),
        (b'{"number": 2, "number": "x"}', 422),
        (b"[" + b"{}," * 50_000 + b"{}]", 422),
        (b'{"' + b"k" * 100_000 + b'": 1}', 422),
    ],
)
def test_hostile_json_is_refused_in_few_words(
    app: Flasgo, client: TestClient, body: bytes, status: int
) -> None:
    @app.post("/")
    async def handler(even: Even) -> None: ...

    answer = client.post("/", content=body, headers=JSON)
    assert answer.status_code == status, answer.text[:500]
    assert len(answer.content) < 1000


@pytest.mark.parametrize("depth", [200, 900, 5_000, 200_000])
def test_deep_nesting_of_a_recursive_type_ends_in_an_answer(
    app: Flasgo, client: TestClient, depth: int
) -> None:
    @app.post("/")
    async def handler(tree: Tree) -> None: ...

    answer = client.post(
        "/", content=b'{"children":[' * depth + b"{}" + b"]}" * depth, headers=JSON
    )
    assert answer.status_code in ({204} if depth == 200 else {204, 400})
    # Deep, and wrong at the very bottom: the location is cut.
    answer = client.post("/", content=b'{"children":[' * 200 + b"5" + b"]}" * 200, headers=JSON)
    assert answer.status_code == 422
    assert len(answer.json()["errors"][0]["loc"]) == 33
    assert answer.json()["errors"][0]["loc"][-1] == "..."


def test_answers_are_bounded_in_number_and_size(app: Flasgo, client: TestClient) -> None:
    fields = [(f"field_{number}_{'x' * 100}", int) for number in range(100)]
    wide = msgspec.defstruct("Wide", fields)

    async def handler(thing) -> None: ...

    handler.__annotations__["thing"] = wide
    app.post("/")(handler)
    answer = client.post("/", json={name: "SECRET" * 1000 for name, _ in fields})
    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == 20
    assert len(answer.content) < 10_000
    assert "SECRET" not in answer.text


def test_the_search_for_problems_ends_when_there_are_enough(
    app: Flasgo, client: TestClient
) -> None:
    body = [{}] * 1_000
    raw = json.dumps(body).encode()
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(raw, type=list[Line])
    assert len(ProblemFinder(list[Line]).problems(raw, caught.value)) == 21

    @app.post("/")
    async def handler(lines: list[Line]) -> None: ...

    answer = client.post("/", json=body)
    assert len(answer.json()["errors"]) == 20
    assert answer.json()["detail"].endswith("There are more; errors has the first 20.")


def test_long_keys_are_cut_and_made_printable(app: Flasgo, client: TestClient) -> None:
    @app.post("/")
    async def handler(counts: Annotated[dict[str, int], Body()]) -> None: ...

    answer = client.post("/", json={"\r\n" + "k" * 10_000: "x"})
    assert locations(answer) == [["body", "??" + "k" * 62 + "..."]]
    assert locations(client.post("/", json={"a": 1, "b": "x", "c": "y"})) == [
        ["body", "b"],
        ["body", "c"],
    ]
    # Too much to take apart.
    many = {f"key-{number}": number for number in range(20_000)} | {"bad": "x"}
    assert locations(client.post("/", json=many)) == [["body", "*"]]


def test_refusing_a_large_body_costs_memory_in_proportion_to_it(
    app: Flasgo, client: TestClient
) -> None:
    @app.post("/")
    async def handler(order: Order) -> None: ...

    body = json.dumps({**ORDER, "items": [LINE] * 50_000 + [{}]}).encode()
    tracemalloc.start()
    answer = client.post("/", content=body, headers=JSON)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert locations(answer) == [["body", "items", 50_000, "sku"]]
    assert peak < 20 * len(body)


# --- Forms --------------------------------------------------------------------------------------


def test_fields_of_a_form(app: Flasgo, client: TestClient) -> None:
    @app.post("/")
    async def handler(
        name: Annotated[str, Form()],
        age: Annotated[int | None, Form()] = None,
        likes: Annotated[list[str], Form()] = [],  # noqa: B006
        page: int = 1,
    ) -> list[object]:
        return [name, age, likes, page]

    answer = client.post("/?page=2", data={"name": "Ann", "age": "41", "likes": ["tea", "pie"]})
    assert answer.json() == ["Ann", 41, ["tea", "pie"], 2]
    # What a browser sends for inputs that were left empty.
    assert client.post("/", data={"name": "", "age": ""}).json() == ["", None, [], 1]
    assert locations(client.post("/?page=x", data={"age": "old"})) == [
        ["query", "page"],
        ["form", "name"],
        ["form", "age"],
    ]
    answer = client.post("/", json={"name": "Ann"})
    assert answer.status_code == 415
    no_boundary = {"content-type": "multipart/form-data"}
    assert client.post("/", content=b"no boundary", headers=no_boundary).status_code == 400


def test_checkboxes_are_booleans(app: Flasgo, client: TestClient) -> None:
    @app.post("/")
    async def handler(
        terms: Annotated[bool, Form()], news: Annotated[bool, Form()] = False, like: bool = False
    ) -> list[bool]:
        return [terms, news, like]

    assert client.post("/", headers=FORM_KIND, content="terms=on").json() == [True, False, False]
    assert client.post("/?like=true", headers=FORM_KIND, content="terms=true&news=0").json() == [
        True,
        False,
        True,
    ]
    assert client.post("/?like=Yes", headers=FORM_KIND, content="terms=off").json() == [
        False,
        False,
        True,
    ]
    assert locations(client.post("/?like=onn", headers=FORM_KIND, content="terms=oui")) == [
        ["query", "like"],
        ["form", "terms"],
    ]


def test_a_class_is_filled_from_a_form(app: Flasgo, client: TestClient) -> None:
    @app.post("/")
    async def handler(contact: Annotated[Contact, Form()]) -> Contact:
        return contact

    answer = client.post("/", data={"name": "Ann", "age": "", "colours": ["red", "red"]})
    assert answer.json() == {"name": "Ann", "age": None, "colours": ["red", "red"]}
    assert locations(client.post("/", data={"age": "x", "colours": "SECRET"})) == [
        ["form", "name"],
        ["form", "age"],
        ["form", "colours", 0],
    ]


def test_files_of_a_form(app: Flasgo, client: TestClient) -> None:
    @app.post("/")
    async def handler(
        title: Annotated[str, Form()],
        cover: UploadedFile,
        pages: list[UploadedFile] = [],  # noqa: B006
        extra: Annotated[UploadedFile | None, Form(alias="more")] = None,
    ) -> list[object]:
        return [title, cover.filename, [await page.text() for page in pages], extra]

    kind = "multipart/form-data; boundary=b"
    parts = [
        b'Content-Disposition: form-data; name="title"\r\n\r\nTea',
        b'Content-Disposition: form-data; name="cover"; filename="c.png"\r\n\r\npng',
        b'Content-Disposition: form-data; name="pages"; filename="1"\r\n\r\none',
        b'Content-Disposition: form-data; name="pages"; filename="2"\r\n\r\ntwo',
    ]
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"
    assert client.post("/", content=body, headers={"content-type": kind}).json() == [
        "Tea",
        "c.png",
        ["one", "two"],
        None,
    ]
    answer = client.post(
        "/", content=b"--b\r\n" + parts[0] + b"\r\n--b--\r\n", headers={"content-type": kind}
    )
    assert locations(answer) == [["form", "cover"]]


def test_a_query_next_to_a_body_keeps_its_own_place(app: Flasgo, client: TestClient) -> None:
    @app.post("/")
    async def handler(
        note: Note, contact: Annotated[Contact, Query()], request: Request
    ) -> list[object]:
        return [note.text, contact.name, request.method]

    assert client.post("/?name=Ann", json={"text": "x"}).json() == ["x", "Ann", "POST"]


# --- Fields that no client sets -----------------------------------------------------------------


@dataclasses.dataclass
class Account:
    name: str
    is_admin: bool = dataclasses.field(default=False, init=False)
    roles: list[str] = dataclasses.field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.name = self.name.title()


@dataclasses.dataclass
class Pair(Generic[T]):
    first: T
    rest: tuple[T, int] | None = None
    is_admin: bool = dataclasses.field(default=False, init=False)


class Team(msgspec.Struct):
    members: list[Account]
    lead: Account | None = None
    by_name: dict[str, Account] = {}
    is_admin: bool = False


ATTACK = {"name": "eve", "is_admin": True, "roles": ["root"]}
SAFE = Account("eve")


@pytest.mark.parametrize(
    ("annotation", "body", "expected"),
    [
        (Account, ATTACK, SAFE),
        (Account | None, ATTACK, SAFE),
        (list[Account], [ATTACK, ATTACK], [SAFE, SAFE]),
        (Account | list[Account], [ATTACK], [SAFE]),
        (dict[str, Account | int], {"is_admin": 1, "a": ATTACK}, {"is_admin": 1, "a": SAFE}),
        (tuple[int, Account], [1, ATTACK], (1, SAFE)),
        (
            Team,
            {"members": [ATTACK], "lead": ATTACK, "by_name": {"is_admin": ATTACK}}
            | {"is_admin": True},
            Team([SAFE], SAFE, {"is_admin": SAFE}, is_admin=True),
        ),
        (
            Pair[Account],
            {"first": ATTACK, "rest": [ATTACK, 1], "is_admin": True},
            Pair(SAFE, (SAFE, 1)),
        ),
    ],
)
def test_fields_that_the_constructor_does_not_take_are_not_set(
    app: Flasgo, client: TestClient, annotation: Any, body: object, expected: object
) -> None:
    async def handler(thing) -> str:
        return repr(thing)

    handler.__annotations__["thing"] = Annotated[annotation, Body()]
    app.post("/")(handler)
    assert client.post("/", json=body).text == repr(expected)
    assert client.post("/", json={"name": 5, "is_admin": True}).status_code == 422
    assert client.post("/", content=b'{"name": ', headers=JSON).status_code == 400
    raw = b'{"name":"a","name":"b","is_admin":true,"is_admin":true}'
    assert "is_admin=True" not in client.post("/", content=raw, headers=JSON).text


def test_several_parameters_and_forms_do_not_set_them_either(
    app: Flasgo, client: TestClient
) -> None:
    @app.post("/json")
    async def several(first: Account, second: Account) -> list[bool]:
        return [first.is_admin, second.is_admin]

    @app.post("/form")
    async def form(account: Annotated[Account, Form()]) -> str:
        return repr(account)

    @app.get("/query")
    async def query(account: Annotated[Account, Query()]) -> str:
        return repr(account)

    answer = client.post("/json", json={"first": ATTACK, "second": ATTACK, "is_admin": True})
    assert answer.json() == [False, False]
    sent = {"name": "eve", "is_admin": "on", "roles": "x"}
    assert client.post("/form", data=sent).text == repr(SAFE)
    assert client.get("/query?name=eve&is_admin=on&roles=x").text == repr(SAFE)


def test_a_field_that_only_a_body_could_set_is_refused(app: Flasgo) -> None:
    @dataclasses.dataclass
    class Computed:
        name: str
        slug: str = dataclasses.field(init=False)

    async def handler(thing: Annotated[list[Any], Body()]) -> None: ...

    handler.__annotations__["thing"] = Annotated[list[Computed], Body()]
    with pytest.raises(RouteError, match=r"'thing'.*Computed.*'slug' has init=False and"):
        app.post("/")(handler)


def test_the_types_of_a_long_list_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[object] = []
    type_info = msgspec.inspect.type_info
    monkeypatch.setattr(
        msgspec.inspect, "type_info", lambda kind: looked.append(kind) or type_info(kind)
    )
    app = Flasgo()

    @app.post("/")
    async def create(accounts: list[Account]) -> list[int]:
        return [len(accounts)]

    client = TestClient(app)
    client.post("/", json=[ATTACK])
    looked.clear()
    assert client.post("/", json=[ATTACK] * 500).json() == [500]
    assert len(looked) < 5


def test_a_file_may_be_a_field_of_a_form_object(make_app, connect):
    class Upload(msgspec.Struct):
        title: str
        picture: UploadedFile | None = None

    app = make_app()

    @app.post("/")
    def upload(form: Annotated[Upload, Form()]):
        return {"title": form.title, "size": form.picture.size if form.picture else None}

    client = connect(app)
    files = {"picture": ("a.png", b"12345", "image/png")}
    assert client.post("/", data={"title": "x"}, files=files).json() == {"title": "x", "size": 5}
    assert client.post("/", data={"title": "x"}).json() == {"title": "x", "size": None}


def test_what_is_allowed_is_said(app: Flasgo, client: TestClient) -> None:
    @app.post("/")
    async def create(pet: Cat | Dog) -> str:
        return pet.__class__.__name__

    @app.post("/contact")
    async def contact(contact: Contact) -> str:
        return contact.name

    bird = client.post("/", json={"type": "bird", "lives": 1})
    assert bird.json()["errors"] == [
        {"loc": ["body", "type"], "msg": "is not one of the allowed values: 'cat', 'dog'"}
    ]
    green = client.post("/contact", json={"name": "x", "colours": ["red", "green"]})
    assert green.json()["errors"] == [
        {"loc": ["body", "colours", 1], "msg": "is not one of the allowed values: 'red'"}
    ]
