"""`RecentLogin`: some pages ask even a logged-in user for the password again."""

from __future__ import annotations

import time
from dataclasses import dataclass

from flasgo import Connection

from flasgo_auth.login import login_of
from flasgo_auth.permissions import Permission, user_of

__all__ = ["RecentLogin"]


@dataclass(frozen=True)
class RecentLogin(Permission):
    """Allows users who logged in with `login` a short while ago.

    For what a stolen session must not be enough for: changing the password or the address,
    payments. Others are answered 401, and browsers are sent to `LOGIN_URL`, as if they had not
    logged in. A user whom another backend recognises, such as by a token, has not logged in.

    Give it to `authorize` by itself: inside `AnyOf` or `Not` a denial is a 403.

    Args:
        max_age: For how many seconds a login counts.

    Raises:
        ValueError: When that is not a positive number.
    """

    max_age: float
    blocking = False
    asks_for_login = True

    def __post_init__(self) -> None:
        if isinstance(self.max_age, bool) or not isinstance(self.max_age, int | float):
            raise TypeError(f"RecentLogin({self.max_age!r}): give a number of seconds.")
        if not self.max_age > 0:
            raise ValueError(f"RecentLogin({self.max_age!r}): give seconds above 0.")

    def allows(self, request: Connection) -> bool:
        """Tell whether the user logged in within the last `max_age` seconds."""
        user = user_of(request)
        if not user.is_authenticated:
            return False
        found = login_of(request)
        return found is not None and found[0] == user.id and time.time() - found[1] < self.max_age
