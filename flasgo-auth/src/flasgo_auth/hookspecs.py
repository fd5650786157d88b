"""The hooks that the auth plugin publishes."""

from __future__ import annotations

from flasgo import Connection, hookspec

from flasgo_auth.users import User, UserId

__all__ = ["identify_user", "login_failed", "user_logged_in", "user_logged_out"]


@hookspec(sync=True)
def identify_user(request: Connection) -> User | None:
    """Vouch for the user of a request, in the name of every backend.

    SECURITY: the answer stands for all backends, those that a policy names included, and no
    backend is asked. Permissions are checked as ever. It is for what knows the user for certain,
    such as the test client's `login`.

    When:
        For each request to an endpoint with an access policy, before the first backend. `def`
        only.

    Args:
        request: The request or WebSocket connection.

    Returns:
        The user, or None to leave it to the backends.

    Example:
        ```python
        @hookimpl(optionalhook=True)
        def identify_user(self, request):
            return self.users.get(request.scope.get("example.user"))
        ```
    """


@hookspec(sync=True)
def user_logged_in(request: Connection, user: User) -> None:
    """Take note of a log-in.

    When:
        When `login` has written it into the session. `def` only: it runs where `login` was called,
        on the event loop or in a worker thread, and must not block; slow work goes into
        `request.background`. An error here is logged with the plugin's name, and changes nothing.

    Args:
        request: The request.
        user: Who has logged in.

    Example:
        ```python
        @hookimpl(optionalhook=True)
        def user_logged_in(self, request, user):
            request.background.add(self.save_visit, user.id)
        ```
    """


@hookspec(sync=True)
def user_logged_out(request: Connection, user_id: UserId) -> None:
    """Take note of a log-out.

    When:
        When `logout` has ended the session of a user; not for visitors without a log-in. As
        `user_logged_in`: `def` only, and an error changes nothing.

    Args:
        request: The request.
        user_id: Who has logged out.

    Example:
        ```python
        @hookimpl(optionalhook=True)
        def user_logged_out(self, request, user_id):
            self.online.discard(user_id)
        ```
    """


@hookspec(sync=True)
def login_failed(request: Connection, username: str | None, reason: str) -> None:
    """Take note of credentials that were refused.

    When:
        When a log-in page calls `report_failed_login`, and when a request is answered 401 although
        it brought credentials that a backend looks for: a password, a token, a key. A session that
        has ended is no failed log-in. As `user_logged_in`: `def` only, and an error changes
        nothing.

    Args:
        request: The request.
        username: What the visitor called himself, or None where that is not known. People type
            passwords there: do not log it.
        reason: What was wrong, without what was sent.

    Example:
        ```python
        @hookimpl(optionalhook=True)
        def login_failed(self, request, username, reason):
            self.failures[request.client_ip] += 1
        ```
    """
