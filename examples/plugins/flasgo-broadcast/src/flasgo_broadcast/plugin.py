"""The plugin: what it declares, and its hooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast, get_args
from urllib.parse import urlsplit

from flasgo import Flasgo, Registry, hookimpl
from flasgo.plugin import Finding, Plugin

from flasgo_broadcast.broadcast import Broadcast, Limits
from flasgo_broadcast.memory import MemoryBackend
from flasgo_broadcast.messages import Backend, BroadcastError
from flasgo_broadcast.redis_backend import RedisBackend
from flasgo_broadcast.subscription import SlowReaders

__all__ = ["BroadcastPlugin"]

_REDIS_SCHEMES = ("redis", "rediss", "unix")
_MOST_HISTORY = 10_000


class BroadcastPlugin(Plugin):
    """Gives handlers a `Broadcast`: publish and subscribe, within a process or across workers."""

    name = "broadcast"

    _broadcast: Broadcast

    @hookimpl
    def plugin_setup(self, registry: Registry) -> None:
        """Declare the settings, `app.broadcast`, and the type that handlers ask for."""
        registry.app_property("broadcast", self._get)
        registry.provides(Broadcast, self._get, blocking=False)
        registry.setting(
            "BROADCAST_URI",
            str,
            default="memory://",
            secret=True,
            check=_uri_fault,
            help="What carries messages: memory:// within a process, or redis://host:6379/0.",
        )
        registry.setting(
            "BROADCAST_PREFIX",
            str,
            default="flasgo:broadcast:",
            check=_prefix_fault,
            help="With what keys and channels in Redis begin: apps that share one need two.",
        )
        registry.setting(
            "BROADCAST_QUEUE_SIZE",
            int,
            default=100,
            check=_between(1, 100_000),
            help="How many messages may wait for one subscriber.",
        )
        registry.setting(
            "BROADCAST_SLOW_READERS",
            SlowReaders,
            default="drop_oldest",
            help=f"What happens when more would wait: {', '.join(get_args(SlowReaders))}.",
        )
        registry.setting(
            "BROADCAST_HISTORY",
            int,
            default=100,
            check=_between(0, _MOST_HISTORY),
            help="How many messages of a channel are remembered, for clients that reconnect.",
        )
        registry.setting(
            "BROADCAST_HISTORY_SECONDS",
            int,
            default=3600,
            check=_between(1, 30 * 86400),
            help="For how long they are remembered.",
        )
        registry.setting(
            "BROADCAST_MAX_MESSAGE_BYTES",
            int,
            default=65536,
            check=_between(1, 16 * 2**20),
            help="How many bytes one message may have.",
        )
        registry.setting(
            "BROADCAST_TIMEOUT_SECONDS",
            float,
            default=2.0,
            check=_between(0.01, 60),
            help="How long an answer of Redis may take.",
        )

    @hookimpl
    def app_created(self, app: Flasgo) -> None:
        """Make the broadcast, which connects at the start-up."""
        read = app.settings.read
        history = read("BROADCAST_HISTORY", int)
        seconds = read("BROADCAST_HISTORY_SECONDS", int)
        uri = read("BROADCAST_URI", str)
        backend: Backend
        if uri == "memory://":
            backend = MemoryBackend(history, seconds)
        else:
            backend = RedisBackend(
                uri,
                prefix=read("BROADCAST_PREFIX", str),
                history=history,
                seconds=seconds,
                timeout=read("BROADCAST_TIMEOUT_SECONDS", float),
            )
        slow_readers = cast("SlowReaders", app.settings["BROADCAST_SLOW_READERS"])
        limits = Limits(
            queue_size=read("BROADCAST_QUEUE_SIZE", int),
            slow_readers=slow_readers,
            message_bytes=read("BROADCAST_MAX_MESSAGE_BYTES", int),
            history=history,
            seconds=read("BROADCAST_TIMEOUT_SECONDS", float) * 3,
        )
        self._broadcast = Broadcast(backend, limits)

    @hookimpl
    async def app_startup(self, app: Flasgo) -> None:
        """Connect. An app starts without Redis too, and delivers once it is there."""
        await self._broadcast.start()

    @hookimpl
    async def app_shutdown(self, app: Flasgo) -> None:
        """End subscriptions, and close connections."""
        await self._broadcast.stop()

    @hookimpl(optionalhook=True)
    async def health_check(self, app: Flasgo) -> str | None:
        """Report that Redis does not answer, where `READY_PATH` is asked."""
        try:
            await self._broadcast.ping()
        except BroadcastError as error:
            return str(error)
        return None

    @hookimpl
    def check_app(self, app: Flasgo, deploy: bool) -> Iterator[Finding]:
        """Report messages that stay within one process."""
        if deploy and app.settings.read("BROADCAST_URI", str) == "memory://":
            yield Finding(
                "broadcast.W001",
                "warning",
                "BROADCAST_URI is memory://: subscribers of one worker process do not get what "
                "another one publishes.",
                "Set BROADCAST_URI to redis://..., or serve with one worker.",
            )

    def _get(self) -> Broadcast:
        """Return the broadcast of this app: `publish`, `subscribe`, `forwarding`, `events`."""
        return self._broadcast


def _uri_fault(value: object) -> str | None:
    text = str(value)
    if text == "memory://":
        return None
    try:
        parts = urlsplit(text)
        is_known = parts.scheme in _REDIS_SCHEMES and bool(parts.netloc or parts.path)
        parts.port  # noqa: B018 - raises for what is no port
    except ValueError:
        is_known = False
    if is_known and text.isprintable():
        return None
    return "write memory://, redis://host:6379/0, rediss://host:6379/0 or unix:///run/redis.sock"


def _prefix_fault(value: object) -> str | None:
    text = str(value)
    if text and len(text) <= 100 and text.isascii() and text.isprintable():
        return None
    return "give up to 100 printable ASCII characters"


def _between(least: float, most: float) -> Callable[[object], str | None]:
    """Return a check that a number is within bounds."""

    def fault(value: object) -> str | None:
        if isinstance(value, (int, float)) and least <= value <= most:
            return None
        return f"give a number between {least} and {most}"

    return fault
