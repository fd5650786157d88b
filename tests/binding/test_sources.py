"""Values from the query, headers, cookies and the path (REQ-6)."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, TypedDict
from uuid import UUID

import msgspec
import pytest
from flasgo import Body, Cookie, Depends, Flasgo, Form, Header, Path, Query, UploadedFile
from flasgo_testing import TestClient

from tests.conftest import refusal

JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


@dataclasses.dataclass
class Filters:
    q: str
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10
    colours: list[Colour] = dataclasses.field(default_factory=list)
    since: date | None = None


class Paging(msgspec.Struct, rename="camel"):
    page_size: int = 10


class Sorting(TypedDict, total=False):
    sort_by: str


async def every_type(
    i: int,
    f: float,
    b: bool,
    s: str,
    e: Colour,
    level: Level,
    d: date,
    dt: datetime,
    u: UUID,
    dec: Decimal,
    lit: Literal["a", "b"],
    number: Literal[1, 2],
    many: list[int],
    unique: set[str],
    pair: tuple[int, str],
    opt: int | None = None,
) -> list[object]:
    assert isinstance(dt, datetime)
    assert isinstance(dec, Decimal)
    return [i, f, b, s, e, level, d, dt, u, dec, lit, number, many, sorted(unique), pair, opt]


GOOD = (
    "i=5&f=1.5&b=true&s=x&e=blue&level=2&d=2024-02-29&dt=2024-02-29T10:00:00Z"
    "&u=0b0c8b52-1a0b-4a44-9d4e-0123456789ab&dec=12.50&lit=b&number=2&many=1&many=2"
    "&unique=b&unique=a&unique=b&pair=1&pair=x"
)


def test_every_simple_type_comes_from_the_query(app: Flasgo, client: TestClient) -> None:
    app.get("/")(every_type)
    answer = client.get(f"/?{GOOD}&opt=7")
    assert answer.status_code == 200, answer.text
    assert answer.json() == [
        5,
        1.5,
        True,
        "x",
        "blue",
        2,
        "2024-02-29",
        "2024-02-29T10:00:00Z",
        "0b0c8b52-1a0b-4a44-9d4e-0123456789ab",
        "12.50",
        "b",
        2,
        [1, 2],
        ["a", "b"],
        [1, "x"],
        7,
    ]


def test_all_that_is_wrong_is_told_at_once_and_in_order(app: Flasgo, client: TestClient) -> None:
    app.get("/")(every_type)
    answer = client.get("/?b=maybe&s=x&e=SECRET&d=SECRET&dt=5&dec=nan&f=inf&many=1&many=SECRET")
    assert answer.status_code == 422
    assert "SECRET" not in answer.text
    assert [(fault["loc"], fault["msg"]) for fault in answer.json()["errors"]] == [
        (["query", "i"], "is required"),
        (["query", "f"], "Expected a finite number"),
        (["query", "b"], "Expected `bool`"),
        (["query", "e"], "is not one of the allowed values: 'red', 'blue'"),
        (["query", "level"], "is required"),
        (["query", "d"], "Invalid RFC3339 encoded date"),
        (["query", "dt"], "Invalid RFC3339 encoded datetime"),
        (["query", "u"], "is required"),
        (["query", "dec"], "Expected a finite number"),
        (["query", "lit"], "is required"),
        (["query", "number"], "is required"),
        (["query", "many", 1], "Expected `int`"),
        (["query", "unique"], "is required"),
        (["query", "pair"], "is required"),
    ]
    assert answer.json()["error"] == "validation_failed"
    assert answer.json()["detail"] == (
        "Query parameter 'i': is required. There are 13 more; see errors."
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("i", "null"),
        ("i", "%201"),
        ("i", "1_0"),
        ("f", "-Infinity"),
        ("f", "NaN"),
        ("f", "1e999"),
        ("dec", "sNaN"),
        ("dec", "n_a_n"),
        ("dec", "1e999999999"),
        ("dt", "1700000000"),
        ("opt", "null"),
        ("i", ""),
    ],
)
def test_what_only_looks_like_a_value_is_refused(
    app: Flasgo, client: TestClient, name: str, value: str
) -> None:
    app.get("/")(every_type)
    query = "&".join(part for part in GOOD.split("&") if not part.startswith(f"{name}="))
    answer = client.get(f"/?{query}&{name}={value}")
    assert answer.status_code == 422
    assert [fault["loc"] for fault in answer.json()["errors"]] == [["query", name]]


def test_of_a_parameter_given_twice_the_first_counts_as_in_request_query(
    app: Flasgo, client: TestClient
) -> None:
    @app.get("/")
    async def handler(limit: int) -> list[int]:
        return [limit]

    assert client.get("/?limit=1&limit=2").json() == [1]


def test_headers_and_cookies(app: Flasgo, client: TestClient) -> None:
    @app.get("/")
    async def handler(
        x_request_id: Annotated[UUID, Header()],
        accept_language: Annotated[list[str], Header()] = [],  # noqa: B006
        retries: Annotated[int, Header(alias="X-Retry-Count")] = 0,
        theme: Annotated[Literal["dark", "light"], Cookie()] = "light",
        visits: Annotated[int | None, Cookie(alias="n")] = None,
    ) -> list[object]:
        return [x_request_id, accept_language, retries, theme, visits]

    number = "0b0c8b52-1a0b-4a44-9d4e-0123456789ab"
    answer = client.get(
        "/",
        headers=[
            ("x-request-id", number),
            ("accept-language", "de, en"),
            ("accept-language", "fr"),
            ("x-retry-count", "3"),
            ("cookie", "theme=dark; n=5"),
        ],
    )
    assert answer.json() == [number, ["de", "en", "fr"], 3, "dark", 5]
    answer = client.get("/", headers={"x-retry-count": "many", "cookie": "theme=SECRET; n=x"})
    assert answer.status_code == 422
    assert "SECRET" not in answer.text
    assert [fault["loc"] for fault in answer.json()["errors"]] == [
        ["header", "x-request-id"],
        ["header", "x-retry-count"],
        ["cookie", "theme"],
        ["cookie", "n"],
    ]


def test_the_fields_of_a_class_come_from_the_query(app: Flasgo, client: TestClient) -> None:
    @app.get("/")
    async def handler(
        filters: Annotated[Filters, Query()],
        paging: Annotated[Paging, Query()],
        sorting: Annotated[Sorting, Query()],
    ) -> list[object]:
        return [filters.q, filters.limit, filters.colours, paging.page_size, sorting]

    answer = client.get("/?q=x&limit=5&colours=red&colours=blue&pageSize=3&sort_by=name")
    assert answer.json() == ["x", 5, ["red", "blue"], 3, {"sort_by": "name"}]
    assert client.get("/?q=x").json() == ["x", 10, [], 10, {}]
    answer = client.get("/?limit=0&colours=red&colours=SECRET&pageSize=x")
    assert [fault["loc"] for fault in answer.json()["errors"]] == [
        ["query", "q"],
        ["query", "limit"],
        ["query", "colours", 1],
        ["query", "pageSize"],
    ]


def test_a_whole_class_may_be_left_out(app: Flasgo, client: TestClient) -> None:
    @app.get("/")
    async def handler(filters: Annotated[Filters | None, Query()] = None) -> list[object]:
        return [filters and filters.q]

    assert client.get("/").json() == [None]
    assert client.get("/?q=x").json() == ["x"]
    assert client.get("/?limit=5").status_code == 422


def test_markers_as_defaults_and_classes(app: Flasgo, client: TestClient) -> None:
    async def handler(a=Query(alias="b"), c: Annotated[str, Header] = "none") -> list[object]:
        return [a, c]

    handler.__annotations__["a"] = int
    app.add_route("/", handler)
    assert client.get("/?b=1", headers={"c": "x"}).json() == [1, "x"]
    assert client.get("/").status_code == 422


def test_path_parameters_meet_constraints_or_are_not_found(app: Flasgo, client: TestClient) -> None:
    @app.get("/<day>/<int:number>")
    async def handler(
        day: date, number: Annotated[int, msgspec.Meta(le=9), Path(description="Up to nine.")]
    ) -> list[object]:
        return [day.year, number]

    assert client.get("/2024-02-29/9").json() == [2024, 9]
    assert client.get("/2024-02-30/9").status_code == 404
    assert client.get("/2024-02-29/10").status_code == 404


@pytest.mark.parametrize(
    ("kind", "fitting", "unfit"),
    [
        (float, "1.5", "nan"),
        (float, "1.5", "-Infinity"),
        (Decimal, "1.5", "NaN"),
        (Decimal, "1.5", "i_nf"),
        (datetime, "2024-02-29T10:00:00Z", "1700000000"),
        (int | None, "3", "null"),
    ],
)
def test_what_only_looks_like_a_value_is_not_found_in_a_path(
    app: Flasgo, client: TestClient, kind: Any, fitting: str, unfit: str
) -> None:
    async def handler(value: Any) -> list[str]:
        return [type(value).__name__]

    handler.__annotations__["value"] = kind
    app.add_route("/<value>", handler)
    assert client.get(f"/{fitting}").status_code == 200
    assert client.get(f"/{unfit}").status_code == 404


def test_def_handlers_get_the_same(app: Flasgo, client: TestClient) -> None:
    @app.get("/thread")
    def in_thread(limit: int = 3) -> list[int]:
        return [limit]

    @app.get("/inline", blocking=False)
    def inline(limit: int = 3) -> list[int]:
        return [limit]

    for path in ("/thread", "/inline"):
        assert client.get(f"{path}?limit=4").json() == [4]
        assert client.get(f"{path}?limit=x").status_code == 422


def test_a_websocket_takes_parameters_of_its_handshake(app: Flasgo, client: TestClient) -> None:
    seen: list[object] = []

    @app.websocket("/<room>")
    async def talk(
        websocket, room: str, limit: int = 5, token: Annotated[str, Header()] = "none"
    ) -> None:
        seen.extend([room, limit, token])
        await websocket.accept()

    with client.websocket_connect("/tea?limit=7", headers={"token": "x"}):
        pass
    assert seen == ["tea", 7, "x"]
    assert refusal(client, "/tea?limit=many").status_code == 422


def test_no_request_sees_what_another_has_done_to_a_default(
    app: Flasgo, client: TestClient
) -> None:
    @dataclasses.dataclass
    class Basket:
        items: list[str] = dataclasses.field(default_factory=list)

    @app.get("/query")
    async def query(
        tags: list[str] = [],  # noqa: B006
        numbers: set[int] = {1},  # noqa: B006
        basket: Annotated[Basket, Query()] = Basket(),  # noqa: B008
    ) -> list[object]:
        tags.append("mine")
        numbers.add(len(numbers) + 1)
        basket.items.append("mine")
        return [tags, sorted(numbers), basket.items]

    @app.post("/json")
    async def json(basket: Basket = Basket(["tea"])) -> list[str]:  # noqa: B008
        basket.items.append("mine")
        return basket.items

    @app.post("/parts")
    async def parts(
        basket: Annotated[Basket, Body()] = Basket(),  # noqa: B008
        tags: Annotated[list[str], Body()] = [],  # noqa: B006
    ) -> list[object]:
        basket.items.append("mine")
        tags.append("mine")
        return [basket.items, tags]

    @app.post("/form")
    async def form(
        tags: Annotated[list[str], Form()] = [],  # noqa: B006
        files: list[UploadedFile] = [],  # noqa: B006
    ) -> list[object]:
        tags.append("mine")
        files.append(files)  # type: ignore[arg-type]  # ty: ignore[invalid-argument-type]
        return [tags, len(files)]

    for _ in range(2):
        assert client.get("/query").json() == [["mine"], [1, 2], ["mine"]]
        assert client.post("/json", headers=JSON).json() == ["tea", "mine"]
        assert client.post("/parts", json={}).json() == [["mine"], ["mine"]]
        assert client.post("/parts", headers=JSON).json() == [["mine"], ["mine"]]
        assert client.post("/form", headers=FORM).json() == [["mine"], 1]


def test_a_default_that_cannot_be_copied_is_shared(app: Flasgo, client: TestClient) -> None:
    class Unique:
        def __deepcopy__(self, memo: object) -> Unique:
            raise TypeError("there is only one")

    one: Any = Unique()

    @app.get("/")
    async def handler(value: str = one) -> list[bool]:
        return [value is one]

    assert client.get("/").json() == [True]


# --- Words and empty values ---------------------------------------------------------------------


@pytest.mark.parametrize("word", ["on", "yes", "true", "1", "ON", "Yes", "True"])
def test_words_for_true(app: Flasgo, client: TestClient, word: str) -> None:
    @app.get("/<flag>")
    async def show(
        flag: bool,
        asked: bool,
        several: list[bool],
        number: int | bool = 5,
        x_flag: Annotated[bool, Header()] = False,
    ) -> list[object]:
        return [flag, asked, several, number, x_flag]

    answer = client.get(
        f"/{word}?asked={word}&several={word}&several=off", headers={"x-flag": word}
    )
    assert answer.json() == [True, True, [True, False], 5, True]
    assert client.get(f"/{word}?asked=NO&several=0&number=1").json()[1:4] == [False, [False], 1]
    refused = client.get(f"/{word}?asked=perhaps&several=0")
    assert refused.json()["errors"] == [{"loc": ["query", "asked"], "msg": "Expected `bool`"}]


def test_an_empty_value_is_missing_where_no_text_is_meant(app: Flasgo, client: TestClient) -> None:
    @app.get("/")
    async def show(
        page: int = 1,
        since: date | None = None,
        colour: Colour = Colour.RED,
        ids: list[int] = [],  # noqa: B006
        flag: bool = True,
        q: str = "x",
        tags: list[str] = ["y"],  # noqa: B006
        bound: Annotated[str, msgspec.Meta(max_length=3)] = "z",
        x_page: Annotated[int, Header()] = 2,
        paging: Annotated[Paging, Query()] = Paging(3),  # noqa: B008
    ) -> list[object]:
        return [page, since, colour, ids, flag, q, tags, bound, x_page, paging.page_size]

    answer = client.get(
        "/?page=&since=&colour=&ids=&flag=&q=&tags=&bound=&pageSize=", headers={"x-page": ""}
    )
    assert answer.json() == [1, None, "red", [], True, "", [""], "", 2, 10]


def test_an_empty_value_without_a_default_is_refused(app: Flasgo, client: TestClient) -> None:
    @app.get("/")
    async def show(page: int) -> int:
        return page

    assert client.get("/?page=").status_code == 422


# --- Markers with defaults and constraints ------------------------------------------------------


def test_a_marker_as_default_means_what_it_means_in_annotated(
    app: Flasgo, client: TestClient
) -> None:
    def user(x_user: str = Header("nobody")) -> str:
        return x_user

    @app.post("/marked/<int:number>")
    async def marked(
        number: int = Path(le=9),
        q: str = Query("x", min_length=1, max_length=3, pattern="^[a-z]+$"),
        page: int | None = Query(None, ge=1, alias="p"),
        price: float = Query(..., gt=0, lt=10, multiple_of=0.5),
        ids: list[int] = Query([7], max_length=2),
        data: dict[str, int] = Body({"a": 1}),
        name: str = Depends(user),
    ) -> list[object]:
        return [number, q, page, price, ids, data, name]

    @app.post("/annotated/<int:number>")
    async def annotated(
        number: Annotated[int, Path(le=9)],
        price: Annotated[float, Query(gt=0, lt=10, multiple_of=0.5)],
        name: Annotated[str, Depends(user)],
        q: Annotated[str, Query(min_length=1, max_length=3, pattern="^[a-z]+$")] = "x",
        page: Annotated[int | None, Query(ge=1, alias="p")] = None,
        *,
        ids: Annotated[list[int], Query([7], max_length=2)],
        data: Annotated[dict[str, int], Body()] = {"a": 1},  # noqa: B006
    ) -> list[object]:
        return [number, q, page, price, ids, data, name]

    for way in ("marked", "annotated"):
        answer = client.post(f"/{way}/3?price=1.5", headers=JSON)
        assert answer.json() == [3, "x", None, 1.5, [7], {"a": 1}, "nobody"]
        answer = client.post(
            f"/{way}/3?price=10&q=ABCD&p=0&ids=1&ids=2&ids=3", headers=JSON, content=b"{}"
        )
        assert sorted(each["loc"][1] for each in answer.json()["errors"]) == [
            "ids",
            "p",
            "price",
            "q",
        ]
        assert client.post(f"/{way}/10?price=1").status_code == 404
        assert client.post(f"/{way}/3", headers=JSON).json()["errors"] == [
            {"loc": ["query", "price"], "msg": "is required"}
        ]
    document = app.openapi_spec()
    described = [
        {
            each["name"]: each
            for each in document["paths"][f"/{way}/{{number}}"]["post"]["parameters"]
        }
        for way in ("marked", "annotated")
    ]
    assert described[0] == described[1]
    assert described[0]["p"]["schema"]["minimum"] == 1


def test_constraints_of_fields_of_a_class(app: Flasgo, client: TestClient) -> None:
    class Page(msgspec.Struct):
        size: Annotated[int, Query(ge=1, le=100)] = 10

    @app.get("/")
    async def show(page: Annotated[Page, Query()]) -> list[int]:
        return [page.size]

    assert client.get("/?size=100").json() == [100]
    assert client.get("/?size=101").status_code == 422
