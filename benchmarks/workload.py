"""What every contestant is asked to do, and the proof that it did it."""

import json

from benchmarks.asgi import Answer, ASGIApp, Exchange, ask
from benchmarks.contestants import BUNDLE, Contestant

SECRET_KEY = "benchmarks-only-0123456789abcdef-0123456789abcdef"
SESSION: dict[str, object] = {"user": "alice", "visits": 3, "theme": "dark"}
ORDER = {"name": "tea", "quantity": 3, "price": 2.5, "tags": ["hot", "green"], "note": None}
TEXT = "Hello, world! This is plain text."
SCENARIOS = ("json", "text", "parameter", "session", "typed-body")

# Present on every answer of the bundle by default; a bundle without them would be measured naked.
PROTECTIVE_HEADERS = (
    "content-security-policy",
    "x-frame-options",
    "x-content-type-options",
    "referrer-policy",
    "permissions-policy",
    "cross-origin-opener-policy",
    "cache-control",
)


class WrongAnswer(RuntimeError):
    """Raised when a contestant does not answer what the scenario asks."""


async def prepare(contestant: Contestant, app: ASGIApp, scenario: str) -> Exchange:
    """Find the request to repeat, and prove that the answer to it is the right one.

    Args:
        contestant: Who is asked.
        app: Its application, started.
        scenario: One of `SCENARIOS`.

    Returns:
        The request to time.

    Raises:
        WrongAnswer: The answer differs from what every contestant has to give.
    """
    exchange = await _exchange(app, scenario)
    answer = await ask(app, exchange)
    _check(contestant, scenario, answer)
    if contestant.name == BUNDLE:
        await _check_protections(app, answer)
    return exchange


async def _exchange(app: ASGIApp, scenario: str) -> Exchange:
    if scenario == "session":
        login = await ask(app, Exchange("/login"))
        return Exchange("/session", headers=((b"cookie", login.cookies()),))
    if scenario == "typed-body":
        body = json.dumps(ORDER).encode()
        headers = (
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            # What a browser adds to its own page's request; API clients authenticate instead.
            (b"sec-fetch-site", b"same-origin"),
        )
        return Exchange("/orders", "POST", headers, body)
    return Exchange({"text": "/text", "parameter": "/items/42"}.get(scenario, "/"))


def _check(contestant: Contestant, scenario: str, answer: Answer) -> None:
    expected: dict[str, object] = {"framework": contestant.name, "status": "ok"}
    if scenario == "session":
        expected = {"user": SESSION["user"], "visits": SESSION["visits"]}
    elif scenario == "typed-body":
        expected = {"name": "tea", "total": 7.5, "tags": 2}
    elif scenario == "parameter":
        expected = {"number": 42}
    media_type = (answer.header("content-type") or "").partition(";")[0]
    wanted = "text/plain" if scenario == "text" else "application/json"
    if answer.status != 200 or media_type != wanted:
        raise WrongAnswer(
            f"{contestant.label}, {scenario}: expected 200 {wanted}, found "
            f"{answer.status} {media_type or 'without a content type'}: {answer.body[:200]!r}"
        )
    if scenario == "text":
        if answer.body != TEXT.encode():
            raise WrongAnswer(f"{contestant.label}, text: found {answer.body[:200]!r}")
    elif json.loads(answer.body) != expected:
        raise WrongAnswer(
            f"{contestant.label}, {scenario}: expected {expected}, found {answer.body[:200]!r}"
        )


async def _check_protections(app: ASGIApp, answer: Answer) -> None:
    missing = [name for name in PROTECTIVE_HEADERS if answer.header(name) is None]
    if missing:
        raise WrongAnswer(f"flasgo answered without its default headers: {', '.join(missing)}")
    # From another peer than the one that is timed: failures are counted per client.
    probe = Exchange("/", headers=((b"host", b"attacker.example"),), client="198.51.100.7")
    foreign = await ask(app, probe)
    if foreign.status != 400:
        raise WrongAnswer(f"flasgo answered {foreign.status} to a foreign host instead of 400")
