"""`current_user`: the user of the request that is being served, as a global."""

from __future__ import annotations

from typing import cast

from flasgo import context_proxy, current_request

from flasgo_auth.users import User

__all__ = ["current_user"]

current_user = cast("User", context_proxy("current_user", lambda: current_request().user))
"""Stands for `request.user` of the current request; `ANONYMOUS` when no user was recognised."""
