"""AUTH-1: backends, the order in which they are asked, and what they may answer."""

import threading

import pytest
from flasgo import ConfigurationError, Connection, HookError, HTTPException, abort
from flasgo_auth import ANONYMOUS, AuthBackend, User

ALICE = User(id="alice")
BOB = User(id="bob")


@pytest.fixture
def call(app, connect):
    """Return a function that calls a route behind all backends; add them before."""

    @app.get("/me")
    @app.authorize()
    def me(request: Connection):
        return {"id": request.user.id}

    return lambda **headers: connect(app).get("/me", headers=headers)


async def alice_async(request):
    return ALICE


class Callable2:
    def __call__(self, request):
        return ALICE


class Backend(AuthBackend):
    def authenticate(self, request: Connection) -> User | None:
        return ALICE


class AsyncBackend(AuthBackend):
    async def authenticate(self, request: Connection) -> User | None:
        return ALICE


@pytest.mark.parametrize(
    "backend",
    [
        lambda request: ALICE,
        alice_async,
        lambda request: alice_async(request),
        Callable2(),
        Backend(),
        AsyncBackend(),
    ],
)
def test_backends_of_every_kind(app, call, backend):
    app.register_auth_backend("one", backend)
    assert call().json() == {"id": "alice"}


def test_a_def_backend_runs_in_a_thread_unless_told_otherwise(app, call):
    threads = []

    def backend(request):
        threads.append(threading.current_thread().name)

    app.register_auth_backend("slow", backend)
    app.register_auth_backend("quick", backend, blocking=False)
    assert call().status_code == 401
    assert [name.startswith("flasgo_") for name in threads] == [True, False]


def test_backends_are_asked_in_the_order_of_registration(app, call):
    asked = []

    def backend(name, user):
        return lambda request: asked.append(name) or user

    app.register_auth_backend("zero", backend("zero", None))
    app.register_auth_backend("beta", backend("beta", ANONYMOUS))
    app.register_auth_backend("alpha", backend("alpha", BOB))
    app.register_auth_backend("last", backend("last", ALICE))
    assert call().json() == {"id": "bob"}
    assert asked == ["zero", "beta", "alpha"]


def test_every_backend_challenges_and_equal_challenges_show_once(app, call):
    app.register_auth_backend("session", lambda request: None)
    app.register_auth_backend("staff", lambda request: None, challenge='Basic realm="staff"')
    app.register_auth_backend("other", lambda request: None, challenge='Basic realm="staff"')
    app.register_auth_backend("silent", Backend2())
    assert call().headers.get_list("www-authenticate") == ['session, Basic realm="staff"']


class Backend2(AuthBackend):
    def authenticate(self, request: Connection) -> User | None:
        return None


def test_without_a_backend_nobody_passes(call):
    answer = call()
    assert answer.status_code == 401
    assert "www-authenticate" not in answer.headers


@pytest.mark.parametrize("answer", [True, 1, "alice", {"id": "alice"}, object(), User], ids=repr)
def test_anything_but_a_user_or_none_is_an_error(app, call, answer):
    app.register_auth_backend("odd", lambda request: answer)
    app.register_auth_backend("good", lambda request: ALICE)
    assert call().status_code == 500


def test_a_falsy_answer_that_is_not_none_is_an_error(app, call):
    app.register_auth_backend("odd", lambda request: False)
    assert call().status_code == 500


def test_a_backend_that_raises_ends_the_request_without_the_handler(app, connect):
    ran = []

    def broken(request):
        raise ConnectionError("the directory is away")

    app.register_auth_backend("broken", broken)
    app.register_auth_backend("good", lambda request: ALICE)

    @app.get("/x")
    @app.authorize()
    def handler():
        ran.append(1)

    answer = connect(app).get("/x")
    assert answer.status_code == 500
    assert "directory" not in answer.text
    assert not ran


def test_what_a_backend_raises_is_attributed_to_the_plugin(app):
    def broken(request):
        raise ConnectionError("the directory is away")

    app.register_auth_backend("broken", broken)
    app.add_route("/x", app.authorize()(lambda: ""))
    with app.test_client() as client, pytest.raises(HookError, match="the directory is away") as e:
        client.get("/x")
    assert (e.value.plugin, e.value.hook) == ("auth", "authorize")


def test_a_backend_may_end_the_request_with_a_status_of_its_own(app, call):
    def busy(request):
        raise HTTPException(503, "Try again later.", headers={"retry-after": "5"})

    app.register_auth_backend("busy", busy)
    answer = call()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


def test_a_backend_that_aborts_in_a_thread(app, call):
    app.register_auth_backend("teapot", lambda request: abort(418))
    assert call().status_code == 418


def test_a_name_is_taken_once(app):
    app.register_auth_backend("one", lambda request: None)
    with pytest.raises(ConfigurationError, match="registered already"):
        app.register_auth_backend("one", lambda request: None)


@pytest.mark.parametrize("name", ["", "two words", "a,b", 'a"b', "a\r\nb", None, 7], ids=repr)
def test_malformed_names_are_refused(app, name):
    with pytest.raises(ConfigurationError, match="cannot name an auth backend"):
        app.register_auth_backend(name, lambda request: None)


@pytest.mark.parametrize("backend", [None, "bearer", User, Backend], ids=repr)
def test_a_backend_must_be_a_function_or_an_instance(app, backend):
    with pytest.raises(TypeError, match="must be a function"):
        app.register_auth_backend("odd", backend)


@pytest.mark.parametrize("challenge", ["Basic\r\nx: y", "Bäsic", ' realm="x"', 'a"b'])
def test_malformed_challenges_are_refused(app, challenge):
    with pytest.raises(ValueError, match="not a challenge"):
        app.register_auth_backend("odd", lambda request: None, challenge=challenge)


def test_options_for_functions_are_refused_for_backends(app):
    with pytest.raises(TypeError, match="knows its own challenge"):
        app.register_auth_backend("odd", Backend(), challenge="Basic")
    with pytest.raises(TypeError, match="knows its own challenge"):
        app.register_auth_backend("odd", Backend(), blocking=False)


def test_a_backend_without_authenticate_is_an_error(app, call):
    app.register_auth_backend("bare", AuthBackend())
    assert call().status_code == 500


def test_two_apps_do_not_share_backends(app, call):
    from flasgo import Flasgo
    from flasgo_auth import AuthPlugin

    other = Flasgo(
        settings={"SECRET_KEY": "0123456789abcdef" * 4}, plugins=[AuthPlugin], discover=False
    )
    other.register_auth_backend("one", lambda request: ALICE)
    assert call().status_code == 401
