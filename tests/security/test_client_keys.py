"""Whom quotas and throttling count."""

import pytest
from flasgo import SettingError
from flasgo_security import rate_limit
from flasgo_security.quotas.client_keys import ClientKeys


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("64:ff9b::192.0.2.1", "192.0.2.1"),
        ("64:ff9b:0:0:1::1", "64:ff9b::/64"),
        ("not:an:address", "not:an:address"),
        ("", ""),
    ],
)
def test_a_network_is_one_client_unless_it_is_asked_otherwise(address, key):
    assert ClientKeys().key(address) == key
    assert ClientKeys(128).key(address) == address


@pytest.mark.parametrize(
    ("settings", "statuses"), [({}, [200, 429]), ({"CLIENT_IPV6_PREFIX": 128}, [200, 200])]
)
def test_quotas_follow_the_setting(make_app, connect, settings, statuses):
    app = make_app(**settings)
    app.get("/")(rate_limit(1, per=60)(lambda: "x"))
    addresses = ("2001:db8::1", "2001:db8::2")
    assert [
        connect(app, client=(address, 1)).get("/").status_code for address in addresses
    ] == statuses


@pytest.mark.parametrize(("settings", "status"), [({}, 429), ({"CLIENT_IPV6_PREFIX": 128}, 200)])
def test_throttling_follows_the_setting(make_app, connect, settings, status):
    app = make_app(SECURITY_FAILURE_RATE_LIMIT=2, **settings)
    app.get("/")(lambda: "x")
    for number in (1, 2):
        client = connect(app, client=(f"2001:db8::{number}", 1))
        assert client.get("/", headers={"host": "evil.example"}).status_code == 400
    assert connect(app, client=("2001:db8::3", 1)).get("/").status_code == status


@pytest.mark.parametrize(
    ("address", "key"),
    [
        (("192.0.2.1", 1), "192.0.2.1"),
        (("2001:db8::1", 1), "2001:db8::/64"),
        (None, None),
    ],
)
def test_key_functions_can_fall_back_on_it(make_app, connect, address, key):
    app = make_app()
    app.get("/")(rate_limit(1, per=60, key_func=lambda request: request.client_key)(lambda: "x"))
    app.get("/key", endpoint="key")(lambda request: [request.client_key])
    client = connect(app, client=address)
    assert client.get("/key").json() == [key]
    assert [client.get("/").status_code for _ in range(2)] == [200, 429]
    if key == "2001:db8::/64":
        assert connect(app, client=("2001:db8::ffff", 1)).get("/").status_code == 429


@pytest.mark.parametrize("prefix", [0, 15, 129, -1, "64"])
def test_wrong_prefixes_stop_the_app(make_app, prefix):
    with pytest.raises(SettingError, match="CLIENT_IPV6_PREFIX"):
        make_app(CLIENT_IPV6_PREFIX=prefix)
