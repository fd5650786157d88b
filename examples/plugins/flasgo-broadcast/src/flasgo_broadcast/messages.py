"""What is published, what can go wrong, and what a backend has to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

__all__ = [
    "Backend",
    "BroadcastError",
    "Deliver",
    "Message",
    "SlowSubscriberError",
    "message_data",
    "message_id",
]

_ID = re.compile(r"[0-9]{1,20}-[0-9]{1,20}", re.ASCII)


class BroadcastError(Exception):
    """Raised where a message cannot be published, or a channel cannot be subscribed to."""


class SlowSubscriberError(BroadcastError):
    """Raised at a subscriber that has fallen behind, where the policy is `disconnect`."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Attributes:
        channel: Where it was published.
        data: What was published.
        id: Its place in the channel's history, such as `1717171717171-0`; empty without one.
    """

    channel: str
    data: bytes
    id: str = ""

    @property
    def text(self) -> str:
        """The data as text; what is not UTF-8 is replaced."""
        return self.data.decode("utf-8", "replace")

    # Any: types, and what is made of them.
    def json(self, type: Any = object) -> Any:  # noqa: A002 - as msgspec calls it
        """Return the value that was published.

        Args:
            type: What it is to be: a dataclass, a Struct, a dict...

        Raises:
            msgspec.ValidationError: When it is something else.
        """
        return msgspec.json.decode(self.data, type=type)


Deliver = Callable[[Message], None]


class Backend(Protocol):
    """Carries messages between the processes of an app."""

    async def start(self, deliver: Deliver) -> None:
        """Begin; `deliver` is called with each message of a channel that is listened to."""
        ...

    async def stop(self) -> None:
        """End, and close connections."""
        ...

    async def publish(self, channel: str, data: bytes) -> str:
        """Publish, and return the message's id."""
        ...

    async def listen(self, channel: str) -> None:
        """Have the messages of a channel delivered from now on."""
        ...

    async def unlisten(self, channel: str) -> None:
        """Have them delivered no more."""
        ...

    async def history(self, channel: str, after: str | None, most: int) -> Sequence[Message]:
        """Return the last messages of a channel, oldest first: at most so many, after an id."""
        ...

    async def set_count(self, channel: str, count: int) -> None:
        """Tell how many subscribers this process has."""
        ...

    async def count(self, channel: str) -> int:
        """Return how many subscribers all processes have."""
        ...

    async def ping(self) -> None:
        """Return when the backend can be used, else raise `BroadcastError`."""
        ...


def message_data(value: object) -> bytes:
    """Return what is sent for a value: text and bytes as they are, anything else as JSON.

    Raises:
        TypeError: When it has no form in JSON.
    """
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    return msgspec.json.encode(value)


def message_id(text: str | None) -> str | None:
    """Return an id that a client sends back, or None where it is none of ours."""
    return text if text is not None and _ID.fullmatch(text) else None
