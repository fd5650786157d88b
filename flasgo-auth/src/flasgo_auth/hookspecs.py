"""The hooks that the auth plugin publishes."""

from __future__ import annotations

from flasgo import Connection, hookspec

from flasgo_auth.users import User

__all__ = ["identify_user"]


@hookspec
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
