"""flasgo-broadcast: publish and subscribe for WebSockets and server-sent events."""

from flasgo_broadcast.broadcast import Broadcast
from flasgo_broadcast.messages import BroadcastError, Message, SlowSubscriberError
from flasgo_broadcast.plugin import BroadcastPlugin
from flasgo_broadcast.subscription import SlowReaders, Subscription

__all__ = [
    "Broadcast",
    "BroadcastError",
    "BroadcastPlugin",
    "Message",
    "SlowReaders",
    "SlowSubscriberError",
    "Subscription",
]
