"""CORE-10, AUTH-1: the same policies on WebSocket handshakes."""

import pytest
from flasgo import WebSocket
from flasgo_auth import HasScope


@pytest.fixture
def handshake(guarded):
    """Return a function that opens a WebSocket and returns what the app sent."""

    @guarded.websocket("/ws")
    @guarded.authorize(HasScope("write"))
    async def echo(websocket: WebSocket):
        await websocket.accept()
        await websocket.send_text(str(websocket.user.id))

    async def handshake(user=None, extensions=None):
        headers = [(b"host", b"localhost")]
        if user:
            headers.append((b"x-user", user.encode()))
        scope = {
            "type": "websocket",
            "path": "/ws",
            "raw_path": b"/ws",
            "query_string": b"",
            "scheme": "ws",
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("localhost", 80),
            "subprotocols": [],
            "extensions": extensions or {},
        }
        sent = []

        async def receive():
            return {"type": "websocket.connect"}

        async def send(message):
            sent.append(message)

        await guarded(scope, receive, send)
        return sent

    return handshake


async def test_an_allowed_user_is_let_in(handshake):
    sent = await handshake("alice")
    assert [message["type"] for message in sent] == [
        "websocket.accept",
        "websocket.send",
        "websocket.close",
    ]
    assert sent[1]["text"] == "alice"


@pytest.mark.parametrize("user", [None, "bob", "guest"])
async def test_others_are_refused_before_the_handshake(handshake, user):
    sent = await handshake(user)
    assert [message["type"] for message in sent] == ["websocket.close"]


@pytest.mark.parametrize(("user", "status"), [(None, 401), ("bob", 403)])
async def test_the_refusal_has_a_status_where_the_server_can_send_one(handshake, user, status):
    sent = await handshake(user, {"websocket.http.response": {}})
    assert sent[0]["type"] == "websocket.http.response.start"
    assert sent[0]["status"] == status
    challenges = [value for name, value in sent[0]["headers"] if name == b"www-authenticate"]
    assert challenges == ([b"header"] if status == 401 else [])
