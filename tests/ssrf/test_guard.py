"""The guard: allow-lists, resolvers, time, and what it says about a refusal."""

import asyncio
import copy
import logging
import pickle
import re
import threading

import pytest
from flasgo_security import OutboundTarget, SSRFConfig, SSRFGuard, SSRFViolation
from flasgo_security.outbound.resolvers import system_resolver

from .conftest import PUBLIC, PUBLIC_6, MakeGuard, Names


def violation_of(guard: SSRFGuard, url: str) -> SSRFViolation:
    with pytest.raises(SSRFViolation) as caught:
        guard.resolve(url)
    return caught.value


async def both(guard: SSRFGuard, url: str) -> tuple[OutboundTarget | str, OutboundTarget | str]:
    """What the guard and its async twin say."""
    first: OutboundTarget | str
    second: OutboundTarget | str
    try:
        first = await asyncio.to_thread(guard.resolve, url)
    except SSRFViolation as violation:
        first = str(violation)
    try:
        second = await guard.aresolve(url)
    except SSRFViolation as violation:
        second = str(violation)
    return first, second


# --- Names --------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [
    ["127.0.0.1"], ["10.0.0.1"], [PUBLIC, "10.0.0.1"], ["10.0.0.1", PUBLIC], [PUBLIC_6, "::1"],
    ["::ffff:10.0.0.1"], ["64:ff9b::7f00:1"], ["fe80::1%eth0"], ["169.254.169.254"], ["0.0.0.0"],
    ["2002:a00:1::"], ["nonsense"], [""], [PUBLIC] * 65,
])  # fmt: skip
async def test_one_forbidden_answer_is_enough(
    make_guard: MakeGuard, names: Names, answer: list[str]
) -> None:
    names.add("mixed.example", answer)
    for found in await both(make_guard(), "https://mixed.example/"):
        assert isinstance(found, str)
        assert found.startswith("address: 'mixed.example'")


@pytest.mark.parametrize("name", ["nowhere.example", "empty.example"])
async def test_unresolved_hosts_are_refused(make_guard: MakeGuard, names: Names, name: str) -> None:
    names.add("empty.example", [])
    for found in await both(make_guard(), f"https://{name}/"):
        assert isinstance(found, str)
        assert found.startswith("unresolved: ")


async def test_the_async_twin_agrees_and_never_resolves_on_the_loop(
    make_guard: MakeGuard, names: Names
) -> None:
    first, second = await both(make_guard(), "https://example.com/x")
    assert first == second
    assert isinstance(second, OutboundTarget)
    assert threading.main_thread().name not in names.threads


async def test_a_resolver_that_hangs_is_given_up() -> None:
    gate = threading.Event()

    def hang(host: str, port: int) -> list[str]:
        gate.wait(20)
        return [PUBLIC]

    guard = SSRFGuard(SSRFConfig(resolve_timeout=0.05), resolver=hang)
    try:
        found = await asyncio.gather(*(both(guard, "https://slow.example/") for _ in range(20)))
    finally:
        gate.set()
    assert {said.partition(":")[0] for pair in found for said in map(str, pair)} == {"unresolved"}


async def test_the_loop_goes_on_while_a_name_is_looked_up() -> None:
    started, gate = threading.Event(), threading.Event()

    def wait(host: str, port: int) -> list[str]:
        started.set()
        return [PUBLIC] if gate.wait(20) else []

    guard = SSRFGuard(resolver=wait)
    task = asyncio.create_task(guard.aresolve("https://slow.example/"))
    while not started.is_set():
        await asyncio.sleep(0)
    gate.set()
    assert (await task).address == PUBLIC


@pytest.mark.parametrize("error", [OSError("no network"), UnicodeError("label too long")])
def test_whatever_a_resolver_cannot_do_is_a_refusal(error: Exception) -> None:
    def fail(host: str, port: int) -> list[str]:
        raise error

    assert violation_of(SSRFGuard(resolver=fail), "https://a.example/").reason == "unresolved"


def test_the_system_resolver_finds_this_machine() -> None:
    found = system_resolver("localhost", 80)
    assert set(found) <= {"127.0.0.1", "::1"}
    assert violation_of(SSRFGuard(), "http://localhost/").reason == "address"
    assert violation_of(SSRFGuard(), "http://LOCALHOST.:8080/").reason == "address"


# --- Allow-lists --------------------------------------------------------------------------------


@pytest.mark.parametrize(("host", "passes"), [
    ("api.example.com", True), ("API.Example.COM", True), ("api.example.com.", True),
    ("a.example.org", True), ("a.b.example.org", True), ("example.org", False),
    ("apiXexample.com", False), ("evil-api.example.com", False),
    ("api.example.com.evil.net", False),
    ("evilexample.org", False), ("xn--bcher-kva.example", True), ("bücher.example", True),
    ("8.8.8.8", True), ("8.8.4.4", False), ("[2606:4700::1111]", True), ("[2606:4700::2]", False),
])  # fmt: skip
def test_hosts_are_compared_as_text(
    make_guard: MakeGuard, names: Names, host: str, passes: bool
) -> None:
    for name in ("api.example.com", "a.example.org", "a.b.example.org", "xn--bcher-kva.example"):
        names.add(name, [PUBLIC])
    guard = make_guard(
        allowed_hosts={
            "API.example.com", "*.example.org", "bücher.example", "8.8.8.8", "2606:4700:0::1111"
        }
    )  # fmt: skip
    if passes:
        assert guard.resolve(f"https://{host}/").address
    else:
        assert violation_of(guard, f"https://{host}/").reason == "host"
        assert names.asked == []


def test_a_listed_host_is_held_to_its_addresses(make_guard: MakeGuard, names: Names) -> None:
    names.add("api.example.com", ["10.0.0.7"])
    guard = make_guard(allowed_hosts={"api.example.com"})
    assert violation_of(guard, "https://api.example.com/").reason == "address"
    inside = make_guard(allowed_hosts={"api.example.com"}, allowed_networks={"10.0.0.0/24"})
    assert inside.resolve("https://api.example.com/").address == "10.0.0.7"


def test_an_empty_list_allows_nothing(make_guard: MakeGuard) -> None:
    assert violation_of(make_guard(allowed_hosts=set()), "https://example.com/").reason == "host"


def test_ports_and_schemes(make_guard: MakeGuard) -> None:
    guard = make_guard(allowed_ports={443, 8443}, allowed_schemes={"https", "wss"})
    assert guard.resolve("https://example.com:8443/").port == 8443
    assert guard.resolve("wss://example.com/").url == f"wss://{PUBLIC}/"
    assert violation_of(guard, "https://example.com:22/").reason == "port"
    assert violation_of(guard, "http://example.com/").reason == "scheme"


@pytest.mark.parametrize(("options", "said"), [
    ({"allowed_hosts": {"https://example.com"}}, "leave out the scheme"),
    ({"allowed_hosts": {"example.com:443"}}, "leave out the port"),
    ({"allowed_hosts": {"*"}}, "None allows any"),
    ({"allowed_hosts": {"api.*.com"}}, "before the first dot"),
    ({"allowed_hosts": {""}}, "not a host"),
    ({"allowed_hosts": {"127.1"}}, "not a host"),
    ({"allowed_hosts": "example.com"}, "write a set"),
    ({"allowed_schemes": {"ftp"}}, "cannot be pinned"),
    ({"allowed_schemes": set()}, "no scheme"),
    ({"allowed_ports": {0}}, "1 to 65535"),
    ({"allowed_ports": {True}}, "1 to 65535"),
    ({"allowed_networks": {"10.0.0.1/8"}}, "not a network"),
    ({"forbidden_networks": {"mine"}}, "not a network"),
    ({"resolve_timeout": 0}, "greater than 0"),
    ({"resolve_timeout": float("nan")}, "greater than 0"),
])  # fmt: skip
def test_a_configuration_that_makes_no_sense_says_so(options: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SSRFConfig(**options)


# --- What is said -------------------------------------------------------------------------------


def test_the_client_learns_nothing_about_the_network(make_guard: MakeGuard, names: Names) -> None:
    names.add("db.internal.example", ["10.0.0.7"])
    guard = make_guard(allowed_hosts={"*.internal.example"})
    inside = violation_of(guard, "https://db.internal.example/")
    nowhere = violation_of(guard, "https://none.internal.example/")
    unlisted = violation_of(guard, "https://example.com/")

    assert "10.0.0.7" in str(inside)
    assert inside.explanation == "'db.internal.example' resolves to 10.0.0.7, which is private"
    # One answer for all three, or names could be told apart from outside.
    assert inside.detail == nowhere.detail == unlisted.detail
    assert (inside.status_code, inside.error) == (400, "url_not_allowed")


def test_violations_are_reported_once(names: Names, caplog: pytest.LogCaptureFixture) -> None:
    told: list[str] = []
    guard = SSRFGuard(resolver=names, on_violation=lambda violation: told.append(violation.reason))
    with caplog.at_level(logging.DEBUG):
        for url in ("ftp://x/", "https://u@x/", "https://127.0.0.1/", "https://nowhere.example/"):
            violation_of(guard, url)
    assert told == ["scheme", "credentials", "address", "unresolved"]


# --- What operators may allow -------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nowhere.example", "empty.example"])
async def test_a_host_that_does_not_resolve_yet_can_be_allowed(
    make_guard: MakeGuard, names: Names, name: str
) -> None:
    names.add("empty.example", [])
    guard = make_guard(allow_unresolved=True)
    for target in await both(guard, f"https://{name}:8443/hook"):
        assert isinstance(target, OutboundTarget)
        assert (target.url, target.addresses) == (f"https://{name}:8443/hook", ())
        assert not target.is_resolved
        with pytest.raises(ValueError, match="check the URL again"):
            _ = target.address


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://mixed.example/", "address"),
        ("https://10.0.0.1/", "address"),
        ("https://u:p@nowhere.example/", "credentials"),
        ("ftp://nowhere.example/", "scheme"),
        ("https://other.example/", "host"),
    ],
)
def test_nothing_else_is_allowed_by_it(
    make_guard: MakeGuard, names: Names, url: str, reason: str
) -> None:
    names.add("mixed.example", [PUBLIC, "10.0.0.1"])
    hosts = {"mixed.example", "nowhere.example", "10.0.0.1"}
    guard = make_guard(allow_unresolved=True, allowed_hosts=hosts)
    assert violation_of(guard, url).reason == reason


async def test_connections_are_not_made_to_what_does_not_resolve(make_guard: MakeGuard) -> None:
    guard = make_guard(allow_unresolved=True)
    with pytest.raises(SSRFViolation, match="unresolved"):
        await guard.aaddresses_of("nowhere.example", 443)


@pytest.mark.parametrize(
    ("credentials", "authorization"),
    [
        ("ann:secret", "Basic YW5uOnNlY3JldA=="),
        ("ann", "Basic YW5uOg=="),
        ("a%40b:p%3Aw%2F", "Basic YUBiOnA6dy8="),
        (":", "Basic Og=="),
    ],
)
def test_credentials_can_be_allowed(
    make_guard: MakeGuard, names: Names, credentials: str, authorization: str
) -> None:
    names.add("api.example", [PUBLIC])
    target = make_guard(allow_credentials=True).resolve(f"https://{credentials}@api.example/x")
    assert (target.url, target.host_header) == (f"https://{PUBLIC}/x", "api.example")
    assert target.authorization == authorization
    assert make_guard().config.allow_credentials is False


@pytest.mark.parametrize(
    "url",
    [
        "https://a@b@api.example/",
        "https://@api.example/",
        "https://a%zz@api.example/",
        "https://ann:secret@10.0.0.1/",
        "https://ann:secret@evil.example@api.example/",
        "https://" + "a" * 600 + "@api.example/",
    ],
)
def test_malformed_credentials_and_where_they_lead_are_refused(
    make_guard: MakeGuard, names: Names, url: str
) -> None:
    names.add("api.example", [PUBLIC])
    violation = violation_of(make_guard(allow_credentials=True), url)
    assert violation.reason in ("credentials", "address", "malformed", "host")


@pytest.mark.parametrize("host", ["8.8.8.8%.8", "8.8.8.8%25.8", "8.8%.8.8", "%38.8.8.8"])
def test_a_percent_sign_in_a_number_is_not_read_away(make_guard: MakeGuard, host: str) -> None:
    assert violation_of(make_guard(), f"http://{host}/").reason == "host"


GUARD = SSRFGuard()
TARGET = GUARD.resolve("https://8.8.8.8/dns")


@pytest.mark.parametrize(
    ("thing", "name", "told"),
    [
        (GUARD, "validate_url", "guard.resolve"),
        (GUARD, "is_safe", "raises SSRFViolation"),
        (GUARD, "fetch", "app.outbound_transport()"),
        (GUARD, "allowed_hosts", "SSRFConfig"),
        (GUARD, "async_resolve", "aresolve"),
        (GUARD, "resolv", "Did you mean 'resolve'?"),
        (TARGET, "ip", "target.addresses"),
        (TARGET, "headers", "target.host_header"),
        (TARGET, "hostname", "target.host."),
        (TARGET, "pinned_url", "target.url"),
        (TARGET, "netloc", "URL that you have passed in"),
        (TARGET, "host_heade", "Did you mean 'host_header'?"),
        (TARGET, "zzz", "OutboundTarget has no attribute 'zzz'."),
    ],
)
def test_other_names_of_attributes_are_led_to_ours(thing, name, told):
    with pytest.raises(AttributeError, match=re.escape(told)):
        getattr(thing, name)


def test_advice_is_about_names_that_there_are_not():
    from flasgo_security.outbound.advice import _ADVICE

    for thing in (GUARD, TARGET):
        for name in _ADVICE[type(thing).__name__]:
            assert not hasattr(thing, name), name
    assert copy.copy(TARGET) == pickle.loads(pickle.dumps(TARGET)) == TARGET
