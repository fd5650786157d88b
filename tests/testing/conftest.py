"""ASGI apps without any framework, to test the client by itself."""

import json

import pytest


class Echo:
    """Answers with what it was sent; keeps the last scope."""

    def __init__(self):
        self.scope = {}
        self.pieces = []
        self.after = None

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            raise NotImplementedError
        self.scope = scope
        self.pieces = []
        more = True
        while more:
            message = await receive()
            assert message["type"] == "http.request"
            self.pieces.append(message["body"])
            more = message["more_body"]
        answer = {
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode(),
            "headers": [[name.decode(), value.decode()] for name, value in scope["headers"]],
            "body": b"".join(self.pieces).decode("latin-1"),
        }
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-type", b"application/json")],
            }
        )
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})
        self.after = await receive()


@pytest.fixture
def echo():
    return Echo()


@pytest.fixture
def respond():
    """Make an app that sends these messages."""

    def make(*messages):
        async def app(scope, receive, send):
            for message in messages:
                await send(message)

        return app

    return make
