"""AUTH-1: permissions, their truth tables, and what they refuse."""

import asyncio
import itertools
import threading

import pytest
from flasgo import Connection
from flasgo_auth import (
    AllOf,
    AllowAny,
    AnyOf,
    Check,
    HasScope,
    IsAuthenticated,
    Not,
    Permission,
    RecentLogin,
    authorize,
    current_user,
)

CALLERS = ["", "guest", "bob", "alice"]


@pytest.fixture
def ask(guarded, connect):
    """Return a function that tells which callers a permission lets through."""

    def ask(*permissions):
        path = f"/route{len(guarded.routes)}"
        guarded.add_route(path, authorize(*permissions)(lambda: "in"), endpoint=path)
        client = connect(guarded)
        return [client.get(path, headers={"x-user": caller}).status_code for caller in CALLERS]

    return ask


def yes(request):
    return True


def no(request):
    return False


async def async_yes(request):
    await asyncio.sleep(0)
    return True


async def async_no(request):
    await asyncio.sleep(0)
    return False


#                                              nobody guest bob  alice (read, write)
TRUTH_TABLE = [
    ((), [401, 401, 200, 200]),
    ((IsAuthenticated(),), [401, 401, 200, 200]),
    ((AllowAny(),), [200, 200, 200, 200]),
    ((HasScope("read"),), [401, 401, 403, 200]),
    ((HasScope("read", "write"),), [401, 401, 403, 200]),
    ((HasScope("read", "admin"),), [401, 401, 403, 403]),
    ((IsAuthenticated(), HasScope("read")), [401, 401, 403, 200]),
    ((AllowAny(), HasScope("read")), [401, 401, 403, 200]),
    ((AnyOf(HasScope("admin"), HasScope("write")),), [401, 401, 403, 200]),
    ((AnyOf(HasScope("admin"), IsAuthenticated()),), [401, 401, 200, 200]),
    ((AnyOf(HasScope("admin"), AllowAny()),), [200, 200, 200, 200]),
    ((AllOf(IsAuthenticated(), HasScope("write")),), [401, 401, 403, 200]),
    ((AllOf(AllowAny(), AllowAny()),), [200, 200, 200, 200]),
    ((Not(IsAuthenticated()),), [200, 200, 403, 403]),
    ((Not(HasScope("read")),), [200, 200, 200, 403]),
    ((IsAuthenticated(), Not(HasScope("read"))), [401, 401, 200, 403]),
    ((Not(AllowAny()),), [401, 401, 403, 403]),
    ((Not(Not(HasScope("read"))),), [401, 401, 403, 200]),
    ((IsAuthenticated() & HasScope("read"),), [401, 401, 403, 200]),
    ((HasScope("admin") | HasScope("read"),), [401, 401, 403, 200]),
    ((IsAuthenticated() & ~HasScope("read"),), [401, 401, 200, 403]),
    ((yes,), [200, 200, 200, 200]),
    ((no,), [401, 401, 403, 403]),
    ((async_yes,), [200, 200, 200, 200]),
    ((async_no,), [401, 401, 403, 403]),
    ((IsAuthenticated() & yes,), [401, 401, 200, 200]),
    ((async_yes & IsAuthenticated(),), [401, 401, 200, 200]),
    ((no | IsAuthenticated(),), [401, 401, 200, 200]),
    ((IsAuthenticated(), no), [401, 401, 403, 403]),
    ((lambda request: request.user.id == "bob",), [401, 401, 200, 403]),
    ((lambda request: async_yes(request),), [200, 200, 200, 200]),
]


@pytest.mark.parametrize(
    ("permissions", "statuses"), TRUTH_TABLE, ids=[str(row[0]) for row in TRUTH_TABLE]
)
def test_truth_table(ask, permissions, statuses):
    assert ask(*permissions) == statuses


@pytest.mark.parametrize("answers", list(itertools.product([True, False], repeat=3)), ids=str)
def test_the_algebra_agrees_with_python(ask, answers):
    # One of each kind: in a worker thread, inline, awaited.
    async def third(request):
        return answers[2]

    parts = (
        Check(lambda request: answers[0]),
        Check(lambda request: answers[1], blocking=False),
        third,
    )
    for combined, expected in [
        (AllOf(*parts), all(answers)),
        (AnyOf(*parts), any(answers)),
        (Not(AllOf(*parts)), not all(answers)),
        (Not(AnyOf(*parts)), not any(answers)),
        (AllOf(AnyOf(parts[0], parts[1]), parts[2]), (answers[0] or answers[1]) and answers[2]),
    ]:
        assert ask(combined)[0] == (200 if expected else 401)


def test_a_search_ends_with_the_first_answer_that_decides(ask):
    def never(request):
        pytest.fail("was asked although the answer was known")

    assert ask(AnyOf(AllowAny(), never)) == [200] * 4
    assert ask(AllOf(Not(AllowAny()), never)) == [401, 401, 403, 403]
    assert ask(Not(AllowAny()), never) == [401, 401, 403, 403]


def test_a_def_permission_runs_in_a_thread_with_the_request_in_reach(ask):
    seen = []

    def slow(request):
        seen.append((threading.current_thread().name, current_user.id))
        return True

    ask(slow)
    assert [user for _, user in seen] == ["", "", "bob", "alice"]
    assert all(name.startswith("flasgo_") for name, _ in seen)


def test_a_permission_class_with_sync_and_async_allows(ask):
    class IsBob(Permission):
        def allows(self, request: Connection) -> bool:
            return request.user.id == "bob"

    class IsAlice(Permission):
        async def allows(self, request: Connection) -> bool:
            return request.user.id == "alice"

    assert ask(IsBob()) == [401, 401, 200, 403]
    assert ask(IsAlice()) == [401, 401, 403, 200]
    assert ask(IsBob() | IsAlice()) == [401, 401, 200, 200]


@pytest.mark.parametrize("answer", [None, 1, 0, "yes", object()], ids=repr)
@pytest.mark.parametrize("wrap", [lambda p: p, Not, lambda p: AnyOf(p, AllowAny())])
def test_an_answer_that_is_no_bool_is_an_error(ask, answer, wrap):
    assert ask(wrap(lambda request: answer)) == [500] * 4


@pytest.mark.parametrize("wrap", [lambda p: p, Not, lambda p: AnyOf(p, AllowAny())])
def test_a_permission_that_raises_denies_with_a_500(ask, wrap):
    def broken(request):
        raise LookupError("database is away")

    assert ask(wrap(broken)) == [500] * 4


def test_a_permission_without_allows_is_an_error(ask):
    assert ask(Permission()) == [500] * 4


class Callable2:
    def __call__(self, request):
        return request.user.id == "bob"


class AsyncCallable:
    async def __call__(self, request):
        return request.user.id == "bob"


def test_callable_objects_are_permissions(ask):
    assert ask(Callable2()) == [401, 401, 200, 403]
    assert ask(AsyncCallable()) == [401, 401, 200, 403]


@pytest.mark.parametrize("combine", [AllOf, AnyOf])
def test_nothing_cannot_be_combined(combine):
    with pytest.raises(ValueError, match="at least one"):
        combine()


def test_has_scope_needs_well_formed_scopes():
    with pytest.raises(ValueError, match="needs a scope"):
        HasScope()
    with pytest.raises(ValueError, match="not a scope"):
        HasScope("read write")
    with pytest.raises(TypeError, match="is a str"):
        HasScope(frozenset({"read"}))  # ty: ignore[invalid-argument-type]


@pytest.mark.parametrize("wrong", [IsAuthenticated, HasScope, dict])
def test_a_class_is_no_permission(wrong):
    with pytest.raises(TypeError, match="is a class"):
        authorize(wrong)
    with pytest.raises(TypeError, match="is a class"):
        AnyOf(wrong)


@pytest.mark.parametrize("wrong", ["admin", 7, None, {"admin"}], ids=repr)
def test_other_objects_are_no_permissions(wrong):
    with pytest.raises(TypeError, match="not a permission"):
        authorize(wrong)


def test_forgotten_parentheses_are_noticed():
    def handler():
        return "in"

    with pytest.raises(TypeError, match=r"@app\.authorize\(\)"):
        authorize(handler)  # ty: ignore[invalid-argument-type]


def test_python_operators_on_permissions_are_refused():
    with pytest.raises(TypeError, match=r"&, \| and ~"):
        IsAuthenticated() and HasScope("admin")
    with pytest.raises(TypeError, match=r"&, \| and ~"):
        _ = not IsAuthenticated()


def test_explanations_read_like_the_code():
    permission = (IsAuthenticated() & ~HasScope("b", "a")) | AllowAny()
    assert permission.explain() == "((IsAuthenticated() & ~HasScope('a', 'b')) | AllowAny())"
    assert "yes" in Check(yes).explain()


def test_builtin_permissions_are_values():
    assert IsAuthenticated() == IsAuthenticated()
    assert HasScope("a", "b") == HasScope("b", "a")
    assert len({HasScope("a"), HasScope("a"), AllowAny()}) == 2


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (0, ValueError),
        (-1, ValueError),
        (float("nan"), ValueError),
        ("60", TypeError),
        (True, TypeError),
    ],
)
def test_recent_login_takes_seconds(value, error):
    with pytest.raises(error, match="seconds"):
        RecentLogin(value)
