"""Every exception Flasgo raises on purpose, `abort`, and what their messages are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from flasgo.responses.response import Response

__all__ = [
    "BuildError",
    "ClientDisconnect",
    "ConfigurationError",
    "FlasgoError",
    "HTTPException",
    "HookError",
    "MissingKeyError",
    "OptionError",
    "PluginError",
    "RouteError",
    "SettingError",
    "UnenforcedPolicyError",
    "abort",
    "closest",
    "did_you_mean",
    "printable",
    "reason_phrase",
    "type_name",
]


class FlasgoError(Exception):
    """Raised as the base of every error that Flasgo defines for developers."""


class ConfigurationError(FlasgoError):
    """Raised when an app is put together wrongly: an option, a setting, a target."""


class SettingError(ConfigurationError):
    """Raised when a setting is unknown, or its value is not allowed.

    Attributes:
        name: The setting's name.
    """

    def __init__(self, message: str, *, name: str) -> None:
        super().__init__(message)
        self.name = name


class OptionError(ConfigurationError, TypeError):
    """Raised when `Flasgo(...)` is given a keyword that no active plugin declares.

    Attributes:
        name: The keyword.
    """

    def __init__(self, message: str, *, name: str) -> None:
        super().__init__(message)
        self.name = name


class RouteError(ConfigurationError):
    """Raised when a route cannot be registered: a duplicate, a bad rule, an unknown converter."""


class BuildError(FlasgoError):
    """Raised when no URL can be built for an endpoint.

    Attributes:
        endpoint: The endpoint that was asked for.
    """

    def __init__(self, message: str, *, endpoint: str) -> None:
        super().__init__(message)
        self.endpoint = endpoint


class PluginError(FlasgoError):
    """Raised when a plugin cannot be loaded, set up or used.

    Attributes:
        plugin: The plugin's name, or None where no single plugin is at fault.
    """

    def __init__(self, message: str, *, plugin: str | None = None) -> None:
        super().__init__(message)
        self.plugin = plugin


class HookError(PluginError):
    """Raised in place of what a plugin's request hook raised, which is its cause.

    Attributes:
        plugin: The plugin whose hook failed.
        hook: The hook's name.
    """

    plugin: str

    def __init__(self, message: str, *, plugin: str, hook: str) -> None:
        super().__init__(message, plugin=plugin)
        self.hook = hook


class UnenforcedPolicyError(PluginError):
    """Raised when a route carries a policy that no active plugin enforces.

    Also where it calls a function whose policy is not found: one that a decorator hides, a
    dependency, or a `before_request` function.

    Attributes:
        route: The rule of the route, as registered.
        policy: The policy's class name.
        distribution: The distribution that defines the policy, or None when it is not known.
    """

    def __init__(self, message: str, *, route: str, policy: str, distribution: str | None) -> None:
        super().__init__(message)
        self.route = route
        self.policy = policy
        self.distribution = distribution


class ClientDisconnect(FlasgoError):
    """Raised while a body is read or sent, when the client has closed the connection."""


# RFC 9110 renamed these, and Python followed in 3.13: what clients read must not depend on that.
_RENAMED = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}


def reason_phrase(status: int) -> str | None:
    """Return the name of a status (RFC 9110, section 15), the same under every Python.

    Args:
        status: The status code.

    Returns:
        The name, such as `"Not Found"`; None when there is none.
    """
    if status in _RENAMED:
        return _RENAMED[status]
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return None


@cache
def _named(status_code: int) -> tuple[str, str]:
    """Return the phrase of an error status, and the code that is made from it."""
    phrase = reason_phrase(status_code) or "Error"
    return phrase, re.sub(r"[\W_]+", "_", phrase.replace("'", "").lower())


class HTTPException(Exception):
    """Raised to end a request with an HTTP error answer.

    Args:
        status_code: The status to answer with, 400 to 599.
        detail: What the client should know or send instead; the status phrase when left out.
        headers: Extra response headers, such as `Retry-After`.
        error: A snake_case code for machines; made from the status phrase when left out.
        errors: What is wrong piece by piece, shown as `errors` where the answer is JSON. Keep it
            short, and free of what the client sent.

    Attributes:
        response: The response that `abort(response)` was given, else None.

    Raises:
        ValueError: When `status_code` is not an error status.
    """

    response: Response | None = None

    def __init__(
        self,
        status_code: int,
        detail: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        error: str | None = None,
        errors: Sequence[Mapping[str, object]] = (),
    ) -> None:
        if not 400 <= status_code <= 599:
            raise ValueError(
                f"HTTPException takes a status from 400 to 599, got {status_code}; "
                "return a Response for any other status."
            )
        phrase, code = _named(status_code)
        self.status_code = status_code
        self.detail = phrase if detail is None else detail
        self.error = code if error is None else error
        self.headers = headers
        self.errors = tuple(errors)
        super().__init__(f"{status_code} {self.detail}")

    @property
    def code(self) -> int:
        """The status, as Flask calls it."""
        return self.status_code

    @property
    def description(self) -> str:
        """The detail, as Flask calls it."""
        return self.detail

    @property
    def name(self) -> str:
        """The phrase of the status, as Flask calls it: `"Not Found"`."""
        return reason_phrase(self.status_code) or "Error"

    if not TYPE_CHECKING:
        # Hidden from type checkers, for which a class with __getattr__ has every attribute.
        def __getattr__(self, name: str) -> NoReturn:
            hint = "" if name.startswith("_") else self._hint(name)
            message = f"{type(self).__name__!r} object has no attribute {name!r}.{hint}"
            raise AttributeError(message, name=name)

        def _hint(self, name: str) -> str:
            from flasgo.advice.names_elsewhere import advice

            public = [known for known in dir(self) if not known.startswith("_")]
            meant = advice("error", name)
            return f" {meant}" if meant else did_you_mean(name, public)

    @classmethod
    def _of_response(cls, response: Response) -> HTTPException:
        """Return what ends a request with a response that is ready, whatever its status."""
        status = getattr(response, "status_code", None)
        if not isinstance(status, int):
            raise TypeError(
                f"abort takes a status from 400 to 599 or a Response, not {response!r}; return "
                "any other value from the handler."
            )
        self = cls(500, reason_phrase(status))
        self.status_code = status
        self.response = response
        return self


class MissingKeyError(HTTPException, KeyError):
    """Raised when a handler subscripts what a client sent with a name that it did not send: a 400.

    It is a KeyError as well, as mappings have it.

    Args:
        kind: What is missing, such as `"form field"`.
        key: Its name.
    """

    def __init__(self, kind: str, key: object) -> None:
        super().__init__(400, f"The request has no {kind} {printable(str(key))!r}; send it.")
        self.key = key

    def __str__(self) -> str:
        return self.detail


def abort(
    status_code: int | Response,
    detail: str | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    description: str | None = None,
) -> NoReturn:
    """End the request with an HTTP error answer, or with a response of any status.

    Args:
        status_code: The status to answer with, 400 to 599; or a Response, which is sent as it is,
            without asking error handlers: `abort(redirect("/login"))`.
        detail: What the client should know or send instead.
        headers: Extra response headers.
        description: The detail, as Flask calls it.

    Raises:
        HTTPException: Always, except for arguments that do not fit.
        TypeError: When a Response comes with a detail or headers, or the detail is given twice.
    """
    if detail is not None and description is not None:
        raise TypeError("abort: detail= and description= mean the same; give one of them.")
    detail = description if detail is None else detail
    if isinstance(status_code, int):
        raise HTTPException(status_code, detail, headers=headers)
    if detail is not None or headers is not None:
        raise TypeError("abort: a Response has its own body and headers; give them to it.")
    raise HTTPException._of_response(status_code)


def closest(name: str, options: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the option most like `name`, or None when nothing comes near.

    Case is ignored, so that `secret_key` finds `SECRET_KEY`.

    Args:
        name: What was written.
        options: What is allowed.
        cutoff: From 0 to 1: how much of the two has to be alike.
    """
    import difflib  # slow to import, and only an error needs it

    by_lower = {option.lower(): option for option in sorted(options, reverse=True)}
    matches = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=cutoff)
    return by_lower[matches[0]] if matches else None


def did_you_mean(name: str, options: Iterable[str]) -> str:
    """Return a sentence to append to an error message, or an empty string.

    Args:
        name: What was written.
        options: What is allowed.

    Returns:
        `" Did you mean 'x'?"` with its leading space, or `""`.
    """
    match = closest(name, options)
    return f" Did you mean {match!r}?" if match else ""


_MAX_SHOWN = 60


def printable(text: str) -> str:
    """Return what a client sent in a form that is fit for a message: short and printable.

    Args:
        text: The client's text.
    """
    return "".join(char if char.isprintable() else "?" for char in text[:_MAX_SHOWN])


def type_name(value: object) -> str:
    """Return the name of a value's type, with its module unless it is a built-in one.

    Args:
        value: Any value.
    """
    kind = type(value)
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"
