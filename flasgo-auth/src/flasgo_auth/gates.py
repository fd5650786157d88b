"""Gates: the policies of a route, compiled once, and asked at each request."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NoReturn

from flasgo import Connection, HTTPException

from flasgo_auth.backends.backend import Backends, NamedBackend
from flasgo_auth.events import is_heard, report, tell
from flasgo_auth.identification import Answers, answer_of, assigned_user, settle
from flasgo_auth.permissions import AllowAny, CompiledCheck, Permission, compile_check
from flasgo_auth.policy import AuthPolicy
from flasgo_auth.users import ANONYMOUS, User

__all__ = ["Gate", "UnauthenticatedError", "compile_gates"]


class UnauthenticatedError(HTTPException):
    """Raised where a user is asked for and there is none."""


@dataclass(frozen=True, eq=False)
class Gate:
    """One `AuthPolicy`, ready to be enforced.

    Args:
        backends: Whom to ask for the user, in this order.
        is_pinned: Whether the policy names its backend: then nothing but that backend counts.
        checks: The permissions, in order, each with its compiled form.
    """

    backends: tuple[NamedBackend, ...]
    is_pinned: bool
    checks: tuple[tuple[Permission, CompiledCheck], ...]

    @property
    def is_open(self) -> bool:
        """True when every permission is `AllowAny`."""
        return all(isinstance(permission, AllowAny) for permission, _ in self.checks)

    async def admit(self, request: Connection, answers: Answers) -> None:
        """Let the request through, with `request.user` set, or raise.

        Args:
            request: The request or WebSocket connection.
            answers: What backends have said about this request; added to.

        Raises:
            HTTPException: 401 when a permission denies and there is no user; 403 when it denies
                a user, or when two policies recognised two different users.
            TypeError: When a backend, a permission or `request.user` is of the wrong type.
        """
        known = assigned_user(request)
        user, source = known, None
        if not known or self.is_pinned:
            user, source = await self._identify(request, answers)
        if user and known and user.id != known.id:
            self._refuse_conflict(request, known)
        settle(request, user)
        for permission, check in self.checks:
            if not await check(request):
                self._deny(request, user, source, permission, known)
        if known and not user:
            settle(request, known)

    async def _identify(
        self, request: Connection, answers: Answers
    ) -> tuple[User, NamedBackend | None]:
        for backend in self.backends:
            if backend.name not in answers:
                answers[backend.name] = await backend.identify(request)
            user = answer_of(answers, backend)
            if user is not None:
                return user, backend
        return ANONYMOUS, None

    def _deny(
        self,
        request: Connection,
        user: User,
        source: NamedBackend | None,
        permission: Permission,
        known: User,
    ) -> NoReturn:
        if not user:
            # The page that says so may be for somebody whom another backend recognises.
            settle(request, known or None)
            reason = self._reason_of(permission)
            report("auth.unauthenticated", request, reason=reason, backends=self._names)
            self._tell_of_failure(request)
            raise UnauthenticatedError(
                401,
                "Send valid credentials to use this endpoint.",
                headers=_header(each.backend.challenge(request) for each in self.backends),
            )
        reason, names = self._reason_of(permission), self._names
        if permission.asks_for_login:
            report("auth.unauthenticated", request, reason=reason, backends=names, user=user.id)
            raise UnauthenticatedError(
                401,
                "Log in again to use this endpoint; the last log-in was too long ago.",
                headers=_header(each.backend.challenge(request) for each in self.backends),
            )
        report("auth.forbidden", request, reason=reason, backends=names, user=user.id)
        challenge = source.backend.challenge(request, forbidden=True) if source else None
        raise HTTPException(
            403, "You are not allowed to use this endpoint.", headers=_header([challenge])
        )

    def _tell_of_failure(self, request: Connection) -> None:
        """Tell plugins of credentials that no backend has recognised."""
        if not is_heard("login_failed", request):
            return
        refused = [each.name for each in self.backends if each.was_tried(request)]
        if refused:
            tell("login_failed", request, None, f"refused by {', '.join(refused)}")

    # SECURITY: permissions of one user must not open what another user is then served.
    def _refuse_conflict(self, request: Connection, known: User) -> NoReturn:
        report(
            "auth.conflict",
            request,
            reason="two users recognised",
            backends=self._names,
            user=known.id,
        )
        raise HTTPException(403, "The credentials belong to different users; send those of one.")

    # PERF: a permission says the same each time; many put it together anew.
    def _reason_of(self, permission: Permission) -> str:
        reason = self._reasons.get(id(permission))
        if reason is None:
            reason = self._reasons[id(permission)] = permission.explain()
        return reason

    @cached_property
    def _reasons(self) -> dict[int, str]:
        return {}

    @cached_property
    def _names(self) -> str:
        return ", ".join(backend.name for backend in self.backends)


def _header(challenges: Iterable[str | None]) -> dict[str, str] | None:
    said = dict.fromkeys(challenge for challenge in challenges if challenge)
    return {"www-authenticate": ", ".join(said)} if said else None


def compile_gates(policies: Iterable[AuthPolicy], backends: Backends) -> tuple[Gate, ...]:
    """Turn the policies of a route into gates.

    Args:
        policies: The policies; all of them have to hold.
        backends: The registered backends.

    Raises:
        ConfigurationError: When a policy names a backend that is not registered.
    """
    return tuple(
        Gate(
            tuple(map(backends.named, policy.backends)) or tuple(backends),
            bool(policy.backends),
            tuple((item, compile_check(item)) for item in policy.permissions),
        )
        for policy in policies
    )
