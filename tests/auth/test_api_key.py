"""AUTH-2: API keys in a header, the query or a cookie; static keys in constant time."""

import threading

import pytest
from flasgo_auth import MAX_API_KEY_BYTES, User, api_key_backend, secrets_match
from flasgo_auth.backends.static_keys import StaticKeys

KEYS = {"key-of-billing": User(id="billing"), "key-of-backup": User(id="backup")}


@pytest.fixture
def call(app, connect):
    """Return a function that registers a backend and calls a route behind it."""

    def call(path="/x", *, backend=None, **options):
        if not app.routes:
            app.register_auth_backend("key", backend or api_key_backend(KEYS))
            app.add_route("/x", app.authorize()(lambda request: str(request.user.id)))
        return connect(app).get(path, **options)

    return call


def test_the_header_is_x_api_key_by_default(call):
    assert call(headers={"X-API-Key": "key-of-billing"}).text == "billing"
    assert call(headers={"x-api-key": "key-of-backup"}).text == "backup"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-api-key": ""},
        {"x-api-key": "key-of-billin"},
        {"x-api-key": "key-of-billing2"},
        {"x-api-key": "KEY-OF-BILLING"},
        {"x-api-key": "key-of-billing key-of-billing"},
        {"x-api-key": b"\xff\xfekey"},
        {"x-api-key": "x" * (MAX_API_KEY_BYTES + 1)},
        {"authorization": "key-of-billing"},
        {"cookie": "X-API-Key=key-of-billing"},
        [("x-api-key", "key-of-billing"), ("x-api-key", "key-of-billing")],
    ],
    ids=str,
)
def test_anything_else_is_a_401_with_the_challenge(call, headers):
    answer = call("/x?X-API-Key=key-of-billing", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'ApiKey realm="api", in="header", name="X-API-Key"'


def test_a_query_parameter(call):
    backend = api_key_backend(KEYS, query="api_key", realm="reports")
    denied = call("/x?other=1", backend=backend)
    assert denied.status_code == 401
    assert (
        denied.headers["www-authenticate"] == 'ApiKey realm="reports", in="query", name="api_key"'
    )
    assert call("/x?api_key=key-of-billing").text == "billing"
    assert call("/x?api_key=key-of-billing&api_key=key-of-backup").status_code == 401
    assert call("/x?api_key=").status_code == 401
    assert call(headers={"api_key": "key-of-billing"}).status_code == 401


def test_a_cookie(call):
    backend = api_key_backend(KEYS, cookie="key")
    assert call(backend=backend).headers["www-authenticate"].endswith('in="cookie", name="key"')
    assert call(headers={"cookie": "key=key-of-billing"}).text == "billing"
    assert call(headers={"cookie": "key=a; key=key-of-billing"}).status_code == 401


@pytest.mark.parametrize("kind", ["def", "async def", "inline"])
def test_validate_functions(call, kind):
    threads = []

    def validate(key):
        threads.append(threading.current_thread().name)
        return KEYS.get(key)

    async def validate_async(key):
        return validate(key)

    function = validate_async if kind == "async def" else validate
    backend = api_key_backend(function, header="x-key", blocking=kind == "def")
    assert call(backend=backend).status_code == 401
    assert threads == []  # without a key nobody is asked
    assert call(headers={"x-key": "key-of-billing"}).text == "billing"
    assert call(headers={"x-key": "wrong"}).status_code == 401
    assert [name.startswith("flasgo_") for name in threads] == [kind == "def"] * 2


@pytest.mark.parametrize(
    ("key", "status"),
    [("x" * MAX_API_KEY_BYTES, 200), ("x" * (MAX_API_KEY_BYTES + 1), 401), ("a b", 401)],
    ids=["longest", "too long", "two words"],
)
def test_what_is_no_key_reaches_no_validator(call, key, status):
    backend = api_key_backend(lambda key: User(id="anybody"))
    assert call(backend=backend, headers={"x-api-key": key}).status_code == status


@pytest.mark.parametrize("kind", ["mapping", "function"])
@pytest.mark.parametrize("header", ["Authorization", "authorization"])
def test_the_value_of_authorization_is_the_key_with_its_scheme(call, kind, header):
    keys = {"Token abc": User(id="ann"), "plain": User(id="bob")}
    backend = api_key_backend(keys if kind == "mapping" else keys.get, header=header)
    assert call(backend=backend, headers={"authorization": "Token abc"}).text == "ann"
    assert call(headers={"authorization": "plain"}).text == "bob"
    for wrong in ("abc", "Token", "Token  abc", "Token abd", "token abc"):
        assert call(headers={"authorization": wrong}).status_code == 401


@pytest.mark.parametrize("key", ["two words", " lead", "trail ", "a b c", "Token абв"])
def test_only_authorization_takes_a_key_with_a_space(key):
    with pytest.raises(ValueError, match="cannot be sent"):
        api_key_backend({key: User(id="x")}, header="X-API-Key")
    if key != "two words":
        with pytest.raises(ValueError, match="cannot be sent"):
            api_key_backend({key: User(id="x")}, header="Authorization")


def test_a_validator_that_raises_ends_in_a_500(call):
    def broken(key):
        raise ConnectionError("the database is away")

    assert call(backend=api_key_backend(broken), headers={"x-api-key": "k"}).status_code == 500


@pytest.mark.parametrize("wrong", [None, 7, "key", User], ids=repr)
def test_only_functions_and_mappings_are_taken(wrong):
    with pytest.raises(TypeError, match="takes a function"):
        api_key_backend(wrong)


def test_one_place_only():
    with pytest.raises(TypeError, match="one of header=, query= and cookie="):
        api_key_backend(KEYS, header="x", query="y")


@pytest.mark.parametrize("place", ["header", "query", "cookie"])
@pytest.mark.parametrize("name", ["", "two words", "x\r\ny", 'a"b', "ключ"])
def test_malformed_names_are_refused(place, name):
    with pytest.raises(ValueError, match=f"cannot name the {place}"):
        api_key_backend(KEYS, **{place: name})


# --- static keys ------------------------------------------------------------------------------


def test_static_keys_compare_every_key(monkeypatch):
    import hmac

    compared = []
    real = hmac.compare_digest

    def recording(a, b):
        compared.append((len(a), len(b)))
        return real(a, b)

    monkeypatch.setattr(hmac, "compare_digest", recording)
    keys = StaticKeys({f"key-{number}": User(id=number) for number in range(5)})
    for given in ["key-0", "key-4", "nothing", "", "k" * 5000, "\udcff"]:
        compared.clear()
        keys(given)
        # SECURITY: as many comparisons of as many bytes, whatever is given.
        assert compared == [(32, 32)] * 5


def test_static_keys_find_the_user_and_keep_no_key():
    keys = StaticKeys(KEYS)
    assert keys("key-of-billing") == KEYS["key-of-billing"]
    assert keys("wrong") is None
    assert "key-of" not in f"{keys!r} {vars(keys)}"


@pytest.mark.parametrize("key", ["", "two words", "tab\t", "ключ", "nul\x00"])
def test_keys_that_cannot_be_sent_are_refused_without_showing_them(key):
    with pytest.raises(ValueError, match="cannot be sent") as caught:
        StaticKeys({key: User(id="x")})
    assert not key or key not in str(caught.value)


def test_mappings_need_keys_and_users():
    with pytest.raises(ValueError, match="no key in the mapping"):
        api_key_backend({})
    with pytest.raises(TypeError, match="gives each key its User"):
        api_key_backend({"key": "alice"})  # ty: ignore[invalid-argument-type]
    with pytest.raises(TypeError, match="Keys are str"):
        api_key_backend({7: User(id="x")})  # ty: ignore[invalid-argument-type]


@pytest.mark.parametrize(
    ("given", "expected", "same"),
    [("a", "a", True), ("a", "b", False), ("", "", True), ("ä", "ä", True), ("a", "aa", False)],
)
def test_secrets_match(given, expected, same):
    assert secrets_match(given, expected) is same


def test_secrets_match_takes_whatever_a_client_sends():
    assert secrets_match("\udcff\x00" * 1000, "secret") is False
    with pytest.raises(TypeError, match="two str"):
        secrets_match(b"a", "a")  # ty: ignore[invalid-argument-type]
