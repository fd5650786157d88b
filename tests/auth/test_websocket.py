"""CORE-10, AUTH-1: the same policies on WebSocket handshakes."""

import pytest
from flasgo import WebSocket
from flasgo_auth import HasScope

from tests.asgi import Driver
from tests.conftest import refusal


@pytest.fixture
def app(guarded):
    @guarded.websocket("/ws")
    @guarded.authorize(HasScope("write"))
    async def echo(websocket: WebSocket):
        await websocket.accept()
        await websocket.send_text(str(websocket.user.id))

    return guarded


def test_an_allowed_user_is_let_in(app, connect):
    with connect(app).websocket_connect("/ws", headers={"x-user": "alice"}) as websocket:
        assert websocket.receive_text() == "alice"


@pytest.mark.parametrize(("user", "status"), [(None, 401), ("bob", 403), ("guest", 401)])
async def test_others_are_refused_before_the_handshake(app, connect, user, status):
    headers = {"x-user": user} if user else {}
    answer = refusal(connect(app), "/ws", headers=headers)
    assert answer.status_code == status
    challenges = answer.headers.get_list("www-authenticate")
    assert challenges == (["header"] if status == 401 else [])
    # Raw: a server without the extension for denials can only close.
    closed = await Driver(app).websocket("/ws", headers=headers)
    assert [message["type"] for message in closed.messages] == ["websocket.close"]
