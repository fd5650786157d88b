"""Messages for the next page: kept in the session until a page has shown them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Literal, cast, overload

from flasgo import current_request

from flasgo_security.sent_heads import head_has_left

if TYPE_CHECKING:
    from flasgo import Request

__all__ = ["flash", "get_flashed_messages"]

FLASHES = "_flashes"
"""The session key under which messages wait."""

_SHOWN = "security.shown_flashes"


def flash(message: str, category: str = "message") -> None:
    """Keep a message for the next page that shows messages, usually after a redirect.

    Args:
        message: The text; templates escape it.
        category: What kind it is, such as `"error"`; templates may show it as a CSS class.

    Raises:
        RuntimeError: Outside of a request, or when the response's headers have been sent.
        TypeError: When message or category is not text.
    """
    if not isinstance(message, str) or not isinstance(category, str):
        raise TypeError(
            f"flash takes two texts, got {type(message).__name__} and {type(category).__name__}: "
            "flash('Saved.', 'info')."
        )
    request = current_request()
    if head_has_left(request):
        raise _too_late("flash()", "cannot be kept for the next page")
    session = request.session
    # A new list, so that a value of some other shape does no harm.
    session[FLASHES] = [*_waiting(session.get(FLASHES)), [category, message]]


@overload
def get_flashed_messages(
    with_categories: Literal[False] = False, category_filter: Collection[str] = ()
) -> list[str]: ...
@overload
def get_flashed_messages(
    with_categories: Literal[True], category_filter: Collection[str] = ()
) -> list[tuple[str, str]]: ...
def get_flashed_messages(
    with_categories: bool = False,
    category_filter: Collection[str] = (),
) -> list[str] | list[tuple[str, str]]:
    """Return the messages that wait to be shown; they wait no longer.

    Called again for the same page it returns the same messages.

    Args:
        with_categories: True for pairs of category and message.
        category_filter: Return those of these categories only; all are gone afterwards.

    Raises:
        RuntimeError: Outside of a request, or when messages wait and the response's headers have
            been sent.
    """
    shown = _shown(current_request())
    if category_filter:
        shown = [pair for pair in shown if pair[0] in category_filter]
    return shown if with_categories else [message for _, message in shown]


def _shown(request: Request) -> list[tuple[str, str]]:
    shown = cast("list[tuple[str, str]] | None", request.peek(_SHOWN))
    if shown is None:
        session = request.session
        waiting: object = []
        if FLASHES in session:
            if head_has_left(request):
                raise _too_late("get_flashed_messages()", "would be shown again on the next page")
            waiting = session.pop(FLASHES)
        shown = [(category, message) for category, message in _waiting(waiting)]
        request.__dict__[_SHOWN] = shown
    return list(shown)


def _too_late(call: str, effect: str) -> RuntimeError:
    return RuntimeError(
        f"{call} came after the response's headers had been sent, so the messages {effect}. Call "
        "it before the stream begins, in the handler and not in the generator."
    )


def _waiting(value: object) -> list[list[str]]:
    pairs = value if isinstance(value, list) else []
    return [pair for pair in pairs if isinstance(pair, list) and len(pair) == 2]
