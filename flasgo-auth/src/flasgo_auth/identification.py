"""Who a request is from, on every route: asked when `request.user` is, or ahead of the handler."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from flasgo import Connection, Response, Route, hookimpl

from flasgo_auth.backends.backend import Backends, NamedBackend
from flasgo_auth.caching import AFTER_DEFAULTS, keep_private
from flasgo_auth.users import ANONYMOUS, User

if TYPE_CHECKING:
    from flasgo_auth.policy import AuthPolicy

__all__ = [
    "Answers",
    "Failure",
    "Identification",
    "answer_of",
    "assigned_user",
    "forget",
    "identity_hooks",
    "settle",
]

_ANSWERS = "auth.answers"
_DERIVED = "auth.derived_user"
_SESSION = "auth.session"
_AFTER = tuple(
    f"security.{name}"
    for name in (
        "forwarded",
        "throttle",
        "hosts",
        "https",
        "cors",
        "sessions",
        "csrf",
        "websockets",
    )
)


class Failure(NamedTuple):
    """What a backend raised that was asked before anybody wanted to know."""

    error: Exception


Answers = dict[str, User | Failure | None]
"""What each backend has said about the request at hand."""


def answer_of(answers: Answers, backend: NamedBackend) -> User | None:
    """Return what a backend has said.

    Raises:
        Exception: What the backend has raised.
    """
    answer = answers[backend.name]
    if isinstance(answer, Failure):
        raise answer.error
    return answer


def assigned_user(request: Connection) -> User:
    """Return the user that the app or a policy has assigned, not one that backends recognised.

    Raises:
        TypeError: When the app has assigned something else.
    """
    user = request.peek("user")
    if user is None or user is request.peek(_DERIVED):
        return ANONYMOUS
    # SECURITY: something truthy that is no User, assigned by the app, must not pass for one.
    if not isinstance(user, User):
        raise TypeError(
            f"request.user was set to a {type(user).__name__}; assign a flasgo_auth.User."
        )
    return user


def settle(request: Connection, user: User | None) -> None:
    """Let a request be from a user from now on; None has the backends tell, when asked."""
    kept = vars(request)
    kept.pop(_DERIVED, None)
    if user is None:
        kept.pop("user", None)
    else:
        kept["user"] = user


def forget(request: Connection) -> None:
    """Have the backends asked anew: what they go by has changed."""
    for name in (_ANSWERS, _DERIVED, _SESSION):
        vars(request).pop(name, None)


class Identification:
    """Asks the backends of an app, each at most once for a request.

    A backend whose functions are `def` is asked when somebody asks for `request.user`, an async
    one before the handler runs, and only where the request brings credentials of its kind.

    Args:
        backends: The registered backends.
        vouched: Returns the user that a plugin vouches for, or None.
    """

    def __init__(self, backends: Backends, vouched: Callable[[Connection], User | None]) -> None:
        self._backends = backends
        self._vouched = vouched

    @property
    def has_backends(self) -> bool:
        """Whether there is anybody to ask."""
        return len(self._backends) > 0

    @property
    def asks_ahead(self) -> bool:
        """Whether any backend can only be asked ahead."""
        return any(not backend.is_immediate for backend in self._backends)

    def answers(self, request: Connection) -> Answers:
        """Return what the backends have said so far, for adding to."""
        kept = vars(request)
        answers: Answers | None = kept.get(_ANSWERS)
        if answers is None:
            answers = kept[_ANSWERS] = self.new_answers(request)
        return answers

    def new_answers(self, request: Connection) -> Answers:
        """Return what is known before any backend is asked: the word of a plugin, if there is."""
        user = self._vouched(request)
        if user is None:
            return {}
        # A user that is not authenticated is an answer too: no user.
        return {backend.name: user or None for backend in self._backends}

    def user_of(self, request: Connection) -> User:
        """Return the user of a request; the value of `request.user` where none was assigned.

        Raises:
            RuntimeError: When a backend has to be awaited, and it is too early to know its answer.
        """
        kept = vars(request)
        if _SESSION in kept:  # what a backend saw of it shapes the response from now on
            kept.setdefault("session", kept.pop(_SESSION))
        answers = self.answers(request)
        found = ANONYMOUS
        for backend in self._backends:
            if backend.name not in answers:
                if backend.is_immediate:
                    answers[backend.name] = backend.identify_now(request)
                elif backend.backend.has_credentials(request):
                    raise RuntimeError(_too_early(backend.name))
                else:
                    answers[backend.name] = None
            user = answer_of(answers, backend)
            if user is not None:
                found = user
                break
        kept[_DERIVED] = found
        return found

    async def ask_ahead(self, request: Connection) -> None:
        """Ask the backends that have to be awaited, where there are credentials for them."""
        # PERF: this is all that a request without credentials pays.
        asked = [
            backend
            for backend in self._backends
            if not backend.is_immediate and backend.backend.has_credentials(request)
        ]
        if not asked:
            return
        kept = vars(request)
        had_session = "session" in kept
        answers = self.answers(request)
        for backend in asked:
            if backend.name not in answers:
                try:
                    answers[backend.name] = await backend.identify(request)
                except Exception as error:  # noqa: BLE001 - raised where the user is read
                    answers[backend.name] = Failure(error)
            if answers[backend.name] is not None:
                break
        if not had_session and "session" in kept:
            # The user has not been read yet: a response that it does not shape can be shared.
            kept[_SESSION] = kept.pop("session")


class IdentityHooks:
    """The hooks of `Identification`; each is only where it has something to do."""


def identity_hooks(
    identification: Identification, policies_for: Callable[[Route], tuple[AuthPolicy, ...]]
) -> IdentityHooks:
    """Return a component that asks async backends ahead, and keeps what a user shaped private.

    Args:
        identification: Asks the backends.
        policies_for: Returns the policies that hold for a route.
    """

    def asks_ahead(route: Route) -> bool:
        return identification.asks_ahead

    def is_unguarded(route: Route) -> bool:
        return identification.has_backends and not policies_for(route)

    class Hooks(IdentityHooks):
        # SECURITY: after all that refuses a request before anybody works for it.
        @hookimpl(when=asks_ahead, trylast=True, after=_AFTER)
        async def request_started(self, request: Connection) -> None:
            await identification.ask_ahead(request)

        @hookimpl(when=is_unguarded, trylast=True, after=AFTER_DEFAULTS)
        def response_finalize(self, request: Connection, response: Response) -> None:
            if request.peek("user"):
                keep_private(response)

    return Hooks()


def _too_early(name: str) -> str:
    return (
        f"request.user was asked for before the auth backend {name!r} could be: it is async, and "
        "is asked before `before_request`. Call `await app.authenticate(request)` here, or let "
        "the backend's function be `def`."
    )
