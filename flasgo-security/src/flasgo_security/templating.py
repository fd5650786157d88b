"""What templates get: `csrf_token`, `csrf_input`, `csp_nonce`, `get_flashed_messages`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from flasgo import current_request, hookimpl

from flasgo_security.sessions.flashes import get_flashed_messages

if TYPE_CHECKING:
    from flasgo_security.csrf import CsrfGuard

__all__ = ["LazyText", "Markup", "TemplateHelpers", "csrf_input", "csrf_token"]


class Markup(str):
    """HTML that is safe as it stands; template engines do not escape it again."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


class LazyText:
    """Text that is made when a template shows it: `{{ csrf_token }}` or `{{ csrf_token() }}`.

    A page that shows no token thus asks for none, and gets no cookie.

    Args:
        make: Returns the text.
    """

    __slots__ = ("_make",)

    def __init__(self, make: Callable[[], str]) -> None:
        self._make = make

    def __call__(self) -> str:
        return self._make()

    def __str__(self) -> str:
        return str(self._make())

    def __html__(self) -> str:
        from html import escape  # PERF: its tables are large, and not every app has templates

        text = self._make()
        return str(text) if isinstance(text, Markup) else escape(text)


def csrf_token() -> str:
    """Return the CSRF token of the current request; its response sets the cookie.

    Raises:
        RuntimeError: Outside of a request.
    """
    return current_request().csrf_token


def csrf_input() -> str:
    """Return a hidden form field with the CSRF token of the current request, as safe HTML.

    Raises:
        RuntimeError: Outside of a request.
    """
    request = current_request()
    return hidden_field(str(request.app.settings["CSRF_FIELD_NAME"]), request.csrf_token)


def hidden_field(name: str, token: str) -> Markup:
    """Return a hidden form field."""
    from html import escape

    return Markup(f'<input type="hidden" name="{escape(name)}" value="{escape(token)}">')


class TemplateHelpers:
    """Gives templates the token, nonce and messages of the request they are rendered for.

    Args:
        csrf: Knows the name of the form field.
    """

    def __init__(self, csrf: CsrfGuard) -> None:
        self._csrf = csrf

    @hookimpl(optionalhook=True)
    def template_globals(self) -> dict[str, object]:
        """Return what templates see, imported macros included: forms are often macros."""
        return {
            "csrf_token": LazyText(csrf_token),
            "csrf_input": LazyText(lambda: hidden_field(self._csrf.field_name, csrf_token())),
            "csp_nonce": LazyText(lambda: current_request().csp_nonce),
            "get_flashed_messages": get_flashed_messages,
        }
