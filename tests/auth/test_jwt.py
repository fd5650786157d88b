"""AUTH-2: JSON Web Tokens: what is believed, and the table of attacks that is not."""

import json
import sys
import time
import warnings
from base64 import urlsafe_b64encode

import pytest
from flasgo import ConfigurationError, Flasgo
from flasgo_auth import AuthPlugin, HasScope, User, jwt_backend
from flasgo_auth.backends.jwt import JwtVerifier
from flasgo_testing import TestingPlugin
from joserfc import jwt as jose
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

SECRET = "a secret that only the issuer and the app know"
RSA, OTHER_RSA = RSAKey.generate_key(2048), RSAKey.generate_key(2048)
EC, ED = ECKey.generate_key("P-256"), OKPKey.generate_key("Ed25519")
PUBLIC_PEM = RSA.as_pem(private=False)
NOW = int(time.time())


def b64(data):
    text = data if isinstance(data, bytes) else json.dumps(data).encode()
    return urlsafe_b64encode(text).rstrip(b"=").decode()


def claims(**changes):
    made = {
        "sub": "alice",
        "iss": "https://issuer.example",
        "aud": "shop",
        "iat": NOW - 10,
        "exp": NOW + 600,
        "scope": "read write",
    }
    made.update(changes)
    return {name: value for name, value in made.items() if value is not None}


def token(payload=None, key=SECRET, alg="HS256", **header):
    if isinstance(key, str):
        key = OctKey.import_key(key)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the algorithm "none" and the name "EdDSA"
        return jose.encode(
            {"alg": alg, **header}, payload or claims(), key, algorithms=[alg], default_type=None
        )


def resigned(header, payload, key=SECRET):
    """A token whose parts need not be JSON objects, with a right HS256 signature."""
    import hashlib
    import hmac

    signed = f"{b64(header)}.{b64(payload)}"
    digest = hmac.digest(key.encode(), signed.encode(), hashlib.sha256)
    return f"{signed}.{b64(digest)}"


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch):
    """Check tokens at the moment for which they were made, however long the session runs."""
    monkeypatch.setitem(JwtVerifier.__init__.__kwdefaults__, "clock", lambda: NOW)


@pytest.fixture
def ask(app, connect):
    """Return a function that sends a token to an app that believes HS256 tokens."""

    def ask(bearer, *, backend=None, path="/x"):
        if not app.routes:
            app.register_auth_backend(
                "jwt",
                backend
                or jwt_backend(
                    SECRET, algorithm="HS256", issuer="https://issuer.example", audience="shop"
                ),
            )
            app.add_route(
                "/x",
                app.authorize()(
                    lambda request: {
                        "id": request.user.id,
                        "scopes": sorted(request.user.scopes),
                        "name": request.user.name,
                    }
                ),
                endpoint="x",
            )
            app.add_route("/admin", app.authorize(HasScope("admin"))(lambda: ""), endpoint="a")
        return connect(app).get(path, headers={"authorization": f"Bearer {bearer}"})

    return ask


def test_a_right_token(ask):
    assert ask(token()).json() == {"id": "alice", "scopes": ["read", "write"], "name": ""}
    assert ask(token(claims(name="Alice"))).json()["name"] == "Alice"


def test_a_missing_scope_is_a_403_with_the_error_of_the_rfc(ask):
    answer = ask(token(), path="/admin")
    assert answer.status_code == 403
    assert answer.headers["www-authenticate"] == 'Bearer realm="api", error="insufficient_scope"'


def hs(payload, **header):
    return lambda: token(payload, **header)


def none_token(alg, signature=""):
    return lambda: f"{b64({'alg': alg, 'typ': 'JWT'})}.{b64(claims())}.{signature}"


def swapped_signature():
    return token(claims(sub="mallory")).rsplit(".", 1)[0] + "." + token().rsplit(".", 1)[1]


def swapped_header(**header):
    return lambda: f"{b64(header)}.{token().split('.', 1)[1]}"


ATTACKS = {
    # The signature.
    "none": none_token("none"),
    "None": none_token("None"),
    "nOnE": none_token("nOnE"),
    "none, signed": none_token("none", "c2lnbmVk"),
    "none over a right signature": swapped_header(alg="none"),
    "no algorithm": swapped_header(typ="JWT"),
    "an algorithm that is no str": swapped_header(alg=["HS256"]),
    "an algorithm that is null": swapped_header(alg=None),
    "lower case": swapped_header(alg="hs256"),
    "a sibling, rightly signed": hs(claims(), alg="HS384", key=SECRET + "x" * 20),
    "RS256": lambda: token(key=RSA, alg="RS256"),
    "ES256": lambda: token(key=EC, alg="ES256"),
    "EdDSA": lambda: token(key=ED, alg="EdDSA"),
    "another secret": hs(claims(), key="another secret of thirty-two bytes"),
    "another payload": swapped_signature,
    "another header": swapped_header(alg="HS256", typ="JWT", x=1),
    "no signature": lambda: token().rsplit(".", 1)[0] + ".",
    "half a signature": lambda: token()[:-20],
    "a longer signature": lambda: token() + "AAAA",
    # The times.
    "expired": hs(claims(exp=NOW - 1)),
    "expired this second": hs(claims(exp=NOW - 0.001)),
    "expires now": hs(claims(exp=NOW)),  # RFC 7519, section 4.1.4: on or after
    "expired long ago": hs(claims(exp=0)),
    "never expires": hs(claims(exp=None)),
    "exp is null": lambda: resigned({"alg": "HS256"}, {**claims(), "exp": None}),
    "exp is text": hs(claims(exp=str(NOW + 600))),
    "exp is true": hs(claims(exp=True)),
    "exp is a list": hs(claims(exp=[NOW + 600])),
    "exp is infinite": lambda: resigned(
        {"alg": "HS256"}, json.dumps({**claims(), "exp": float("inf")}).encode()
    ),
    "exp is not a number": lambda: resigned(
        {"alg": "HS256"}, json.dumps({**claims(), "exp": float("nan")}).encode()
    ),
    "exp is huge": hs(claims(exp=10**400)),
    "exp overflows": lambda: resigned({"alg": "HS256"}, b'{"sub": "a", "exp": 1e999}'),
    "early": hs(claims(nbf=NOW + 300)),
    "nbf is text": hs(claims(nbf="0")),
    "nbf is huge": hs(claims(nbf=10**400)),
    "issued tomorrow": hs(claims(iat=NOW + 86400)),
    "iat is a dict": hs(claims(iat={})),
    # The parties.
    "wrong issuer": hs(claims(iss="https://issuer.example.evil")),
    "issuer with a slash": hs(claims(iss="https://issuer.example/")),
    "issuer in upper case": hs(claims(iss="HTTPS://ISSUER.EXAMPLE")),
    "no issuer": hs(claims(iss=None)),
    "issuers": hs(claims(iss=["https://issuer.example"])),
    "wrong audience": hs(claims(aud="shop2")),
    "wrong audiences": hs(claims(aud=["shop2", "Shop"])),
    "audience as a part": hs(claims(aud="workshop")),
    "no audience": hs(claims(aud=None)),
    "no audiences": hs(claims(aud=[])),
    "audience as a dict": hs(claims(aud={"shop": 1})),
    "audience of lists": hs(claims(aud=[["shop"]])),
    # The user.
    "no subject": hs(claims(sub=None)),
    "empty subject": hs(claims(sub="")),
    "subject is a number": hs(claims(sub=7)),
    "subject is true": hs(claims(sub=True)),
    "scope is a dict": hs(claims(scope={"admin": 1})),
    "scopes are numbers": hs(claims(scope=[1])),
    "scope with a quote": hs(claims(scope='a"b')),
    # The header.
    "critical extensions": lambda: resigned({"alg": "HS256", "crit": ["x"], "x": 1}, claims()),
    "critical, and known": lambda: resigned({"alg": "HS256", "crit": ["typ"], "typ": 1}, claims()),
    "critical, but empty": lambda: resigned({"alg": "HS256", "crit": []}, claims()),
    "unencoded payload": lambda: resigned({"alg": "HS256", "b64": False}, claims()),
    "encoded payload, said aloud": lambda: resigned({"alg": "HS256", "b64": True}, claims()),
    "header is a list": lambda: resigned(["HS256"], claims()),
    "header is a str": lambda: resigned("HS256", claims()),
    "header is not JSON": lambda: resigned(b"{alg:HS256}", claims()),
    "header is not UTF-8": lambda: resigned(b"\xff\xfe", claims()),
    "header is deep": lambda: resigned(b"[" * 300, claims()),
    "header is long": lambda: resigned({"alg": "HS256", "pad": "x" * 2000}, claims()),
    "header is empty": lambda: "." + token().split(".", 1)[1],
    # The payload.
    "payload is a list": lambda: resigned({"alg": "HS256"}, [claims()]),
    "payload is a str": lambda: resigned({"alg": "HS256"}, "alice"),
    "payload is null": lambda: resigned({"alg": "HS256"}, None),
    "payload is not JSON": lambda: resigned({"alg": "HS256"}, b"alice"),
    "payload is not UTF-8": lambda: resigned({"alg": "HS256"}, b'{"sub": "\xff"}'),
    "payload is deep": lambda: resigned({"alg": "HS256"}, b'{"a":' * 1000),
    "payload is empty": lambda: resigned({"alg": "HS256"}, b""),
    # The form.
    "huge": hs(claims(pad="x" * 10_000)),
    "one part": lambda: "abc",
    "two parts": lambda: token().rsplit(".", 1)[0],
    "four parts": lambda: token() + ".AAAA",
    "five parts, as encrypted ones have": lambda: token() + ".AAAA.AAAA",
    "dots": lambda: "..",
    "padding": lambda: token() + "==",
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_attacks_are_401(ask, attack):
    answer = ask(attack())
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="api", error="invalid_token"'


def test_the_attacks_differ_from_a_right_token_in_one_thing(ask):
    # What the table is built from is believed, or the table would prove nothing.
    assert ask(resigned({"alg": "HS256"}, claims())).status_code == 200
    assert ask(resigned({"alg": "HS256", "typ": "JWT", "x": "y"}, claims())).status_code == 200
    assert ask(token(claims(nbf=NOW - 1, exp=NOW + 60.5))).status_code == 200
    assert ask(token(claims(aud=["other", "shop"]))).status_code == 200
    assert ask(token(claims(scope=["read"]))).status_code == 200


@pytest.mark.parametrize("name", ["none", "RS256", "a sibling, rightly signed"])
def test_the_algorithm_is_judged_before_a_key_is_touched(ask, caplog, name):
    # The library refuses these as well; two locks on this door.
    caplog.set_level("DEBUG", logger="flasgo.auth")
    ask(ATTACKS[name]())
    assert "the algorithm is another one" in caplog.text


def test_a_refused_token_is_not_logged(ask, caplog):
    caplog.set_level("DEBUG")
    bad = token(claims(exp=1))
    ask(bad)
    said = caplog.text + str([vars(record) for record in caplog.records])
    assert "it has expired" in said
    assert bad not in said
    assert bad.split(".")[1] not in said


# --- keys -------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["pem", "text", "jwk"])
@pytest.mark.parametrize(
    ("key", "alg"),
    [(RSA, "RS256"), (RSA, "RS512"), (RSA, "PS256"), (EC, "ES256"), (ED, "EdDSA"), (ED, "Ed25519")],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_asymmetric_keys(ask, key, alg, form):
    pem = key.as_pem(private=False)
    given = {"pem": pem, "text": pem.decode(), "jwk": key.as_dict(private=False)}[form]
    good = token(claims(aud=None), key=key, alg=alg)
    assert ask(good, backend=jwt_backend(given, algorithm=alg)).status_code == 200
    assert ask(token(claims(aud=None))).status_code == 401
    # RFC 8725, section 2.1: the public key as a secret.
    forged = resigned({"alg": "HS256"}, claims(aud=None), pem.decode())
    assert ask(forged).status_code == 401
    assert ask(f"{b64({'alg': alg})}.{forged.split('.', 1)[1]}").status_code == 401


def test_another_key_of_the_same_kind(ask):
    backend = jwt_backend(PUBLIC_PEM, algorithm="RS256", audience="shop")
    assert ask(token(key=RSA, alg="RS256"), backend=backend).status_code == 200
    assert ask(token(key=OTHER_RSA, alg="RS256")).status_code == 401
    assert ask(token(key=RSA, alg="PS256")).status_code == 401


def test_several_keys_by_kid(ask):
    backend = jwt_backend(
        keys={"2025": RSA.as_dict(private=False), "2026": OTHER_RSA.as_pem(private=False)},
        algorithm="RS256",
        audience="shop",
    )
    statuses = [
        ask(token(key=key, alg="RS256", **header), backend=backend).status_code
        for key, header in [
            (RSA, {"kid": "2025"}),
            (OTHER_RSA, {"kid": "2026"}),
            (RSA, {"kid": "2026"}),  # the right key under the wrong name
            (RSA, {"kid": "2024"}),  # unknown
            (RSA, {"kid": "../../etc/passwd"}),
            (RSA, {"kid": ""}),
            (RSA, {}),  # which one it is cannot be known
        ]
    ]
    assert statuses == [200, 200, 401, 401, 401, 401, 401]
    odd = f"{b64({'alg': 'RS256', 'kid': ['2025']})}.{token(key=RSA, alg='RS256').split('.', 1)[1]}"
    assert ask(odd).status_code == 401


def test_a_jwk_set(ask):
    jwks = {
        "keys": [
            {**RSA.as_dict(private=False), "kid": "sig", "use": "sig", "alg": "RS256"},
            {**OTHER_RSA.as_dict(private=False), "kid": "enc", "use": "enc"},
            {**EC.as_dict(private=False), "kid": "ec"},
            {"kty": "AKP", "kid": "future"},
        ]
    }
    backend = jwt_backend(keys=jwks, algorithm="RS256", audience="shop")
    assert ask(token(key=RSA, alg="RS256", kid="sig"), backend=backend).status_code == 200
    assert ask(token(key=RSA, alg="RS256")).status_code == 200  # the only one there is
    assert ask(token(key=OTHER_RSA, alg="RS256", kid="enc")).status_code == 401
    assert ask(token(key=EC, alg="ES256", kid="ec")).status_code == 401


def test_a_lone_key_with_a_name_takes_no_other(ask):
    jwk = {**RSA.as_dict(private=False), "kid": "mine"}
    backend = jwt_backend(jwk, algorithm="RS256", audience="shop")
    assert ask(token(key=RSA, alg="RS256", kid="mine"), backend=backend).status_code == 200
    assert ask(token(key=RSA, alg="RS256")).status_code == 200
    assert ask(token(key=RSA, alg="RS256", kid="other")).status_code == 401


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"key": SECRET, "algorithm": "none"}, "choose one of HS256"),
        ({"key": SECRET, "algorithm": "hs256"}, "choose one of HS256"),
        ({"algorithm": "HS256"}, "takes one key"),
        ({"key": SECRET, "keys": {"a": SECRET}, "algorithm": "HS256"}, "takes one key"),
        ({"key": "x" * 31, "algorithm": "HS256"}, "has 31 bytes; HS256 needs at least 32"),
        ({"key": "x" * 63, "algorithm": "HS512"}, "has 63 bytes; HS512 needs at least 64"),
        ({"key": {"kty": "oct", "k": "c2hvcnQ"}, "algorithm": "HS256"}, "has 5 bytes"),
        ({"key": "", "algorithm": "HS256"}, "give a secret or a PEM"),
        ({"key": 7, "algorithm": "HS256"}, "give a secret or a PEM"),
        ({"key": PUBLIC_PEM, "algorithm": "HS256"}, "asymmetric key, and HS256 takes a secret"),
        ({"key": SECRET, "algorithm": "RS256"}, "no RSA key"),
        ({"key": PUBLIC_PEM, "algorithm": "ES256"}, "no EC key"),
        ({"key": EC.as_pem(private=False), "algorithm": "ES384"}, "curve P-256; ES384 needs P-384"),
        ({"key": RSA.as_dict(private=False), "algorithm": "ES256"}, "no EC key"),
        ({"key": {**RSA.as_dict(), "use": "enc"}, "algorithm": "RS256"}, "no RSA key"),
        ({"key": {**RSA.as_dict(), "alg": "RS512"}, "algorithm": "RS256"}, "no RSA key"),
        ({"keys": {}, "algorithm": "HS256"}, "None of the keys"),
        ({"keys": {"keys": [EC.as_dict()]}, "algorithm": "RS256"}, "None of the keys"),
        ({"keys": {"keys": [7]}, "algorithm": "RS256"}, "not a JSON object"),
        ({"keys": [SECRET], "algorithm": "HS256"}, "takes a dict of keys"),
        (
            {"keys": {"keys": [RSA.as_dict(), OTHER_RSA.as_dict()]}, "algorithm": "RS256"},
            "cannot be told from another",
        ),
        ({"key": SECRET, "algorithm": "HS256", "leeway": -1}, "0 to 600 seconds"),
        ({"key": SECRET, "algorithm": "HS256", "leeway": 601}, "0 to 600 seconds"),
        ({"key": SECRET, "algorithm": "HS256", "audience": ""}, "none is empty"),
        ({"key": SECRET, "algorithm": "HS256", "issuer": []}, "none is empty"),
    ],
    ids=str,
)
def test_what_cannot_work_is_refused_at_set_up(options, message):
    with pytest.raises(ConfigurationError, match=message) as caught:
        jwt_backend(**options)
    assert SECRET not in str(caught.value)


def test_a_weak_rsa_key_is_refused():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        weak = RSAKey.generate_key(1024)
    with pytest.raises(ConfigurationError, match="1024 bits; RS256 needs at least 2048 bits"):
        jwt_backend(weak.as_pem(private=False), algorithm="RS256")


def test_without_joserfc_the_error_is_the_command(monkeypatch):
    class Absent:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] == "joserfc":
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    for name in [name for name in sys.modules if name.partition(".")[0] == "joserfc"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Absent(), *sys.meta_path])
    with pytest.raises(ImportError, match=r"pip install 'flasgo-auth\[jwt\]'"):
        jwt_backend(SECRET, algorithm="HS256")


# --- options ----------------------------------------------------------------------------------


def test_leeway_moves_every_bound(ask):
    backend = jwt_backend(SECRET, algorithm="HS256", leeway=30)
    for changes, status in [
        ({"exp": NOW - 10}, 200),
        ({"exp": NOW - 60}, 401),
        ({"nbf": NOW + 20}, 200),
        ({"nbf": NOW + 90}, 401),
        ({"iat": NOW + 20}, 200),
        ({"iat": NOW + 90}, 401),
    ]:
        assert ask(token(claims(aud=None, **changes)), backend=backend).status_code == status


def test_an_issuer_whose_clock_is_a_little_ahead_is_believed(ask):
    backend = jwt_backend(SECRET, algorithm="HS256")
    for changes, status in [
        ({"iat": NOW + 1}, 200),
        ({"iat": NOW + 59}, 200),
        ({"iat": NOW + 61}, 401),
        ({"nbf": NOW + 1}, 401),
    ]:
        assert ask(token(claims(aud=None, **changes)), backend=backend).status_code == status


def test_issuers_and_audiences_may_be_several_or_none(app, connect):
    many = jwt_backend(SECRET, algorithm="HS256", issuer=["a", "b"], audience={"x", "y"})
    for name, backend in [("many", many), ("none", jwt_backend(SECRET, algorithm="HS256"))]:
        app.register_auth_backend(name, backend)
        app.add_route(f"/{name}", app.authorize(backend=name)(lambda: ""), endpoint=name)
    client = connect(app)

    def status(path, **changes):
        headers = {"authorization": f"Bearer {token(claims(**changes))}"}
        return client.get(path, headers=headers).status_code

    assert status("/many", iss="b", aud=["z", "y"]) == 200
    assert status("/many", iss="c", aud=["y"]) == 401
    assert status("/none", iss="anybody", aud=None) == 200
    # RFC 7519, section 4.1.3: a token for somebody must not be taken by anybody.
    assert status("/none", aud="somebody") == 401


def test_a_type_can_be_asked_for(ask):
    backend = jwt_backend(SECRET, algorithm="HS256", audience="shop", token_type="at+jwt")
    assert ask(token(typ="at+jwt"), backend=backend).status_code == 200
    assert ask(token(typ="application/AT+JWT")).status_code == 200
    for header in ({}, {"typ": "JWT"}, {"typ": "id+jwt"}):
        assert ask(token(**header)).status_code == 401
    odd = resigned({"alg": "HS256", "typ": 7}, claims())
    assert ask(odd).status_code == 401


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_load_user_decides_who_it_is(ask, kind):
    def load(found):
        return User(id=int(found["sub"]), claims=found) if found["sub"] != "0" else None

    async def load_async(found):
        return load(found)

    backend = jwt_backend(
        SECRET,
        algorithm="HS256",
        audience="shop",
        load_user=load_async if kind == "async def" else load,
    )
    assert ask(token(claims(sub="7")), backend=backend).json()["id"] == 7
    assert ask(token(claims(sub="0"))).status_code == 401
    assert ask(token(claims(sub="x"))).status_code == 500  # the app's own fault


def test_load_user_never_sees_claims_that_do_not_hold(ask):
    seen = []
    backend = jwt_backend(
        SECRET,
        algorithm="HS256",
        issuer="https://issuer.example",
        audience="shop",
        load_user=seen.append,
    )
    shown = []
    for name, attack in ATTACKS.items():
        seen.clear()
        ask(attack(), backend=backend)
        shown += [name] * len(seen)
    # What the default makes of a subject or a scope is for the function to judge.
    assert set(shown) == {name for name in ATTACKS if "subject" in name or "scope" in name}


@pytest.mark.parametrize("wrong", [User, 7])
def test_load_user_must_be_a_function(wrong):
    with pytest.raises(TypeError, match="takes a function"):
        jwt_backend(SECRET, algorithm="HS256", load_user=wrong)


# --- In a cookie, and under another scheme ------------------------------------------------------


def test_a_token_in_a_cookie_needs_the_csrf_token(connect):
    from flasgo_security import SecurityPlugin

    app = Flasgo(
        settings={"SECRET_KEY": "5f0c8e1d7a3b49266e0d9c84b1f7a2d3", "CSRF_COOKIE_SECURE": False},
        plugins=[AuthPlugin, SecurityPlugin, TestingPlugin],
        discover=False,
    )
    app.register_auth_backend("jwt", jwt_backend(SECRET, algorithm="HS256", cookie="access"))
    app.get("/")(app.authorize()(lambda request: request.user.id))
    app.post("/act")(app.authorize()(lambda request: request.user.id))
    app.get("/token")(lambda request: request.csrf_token)
    good = token(claims(aud=None, exp=int(time.time()) + 60, iat=None, nbf=None))
    client = connect(app, enforce_csrf=True)
    assert client.get("/", headers={"authorization": f"Bearer {good}"}).status_code == 401
    client.cookies.set("access", good)
    assert client.get("/").text == claims()["sub"]
    assert client.post("/act").json()["error"] == "csrf_failed"
    headers = {"x-csrf-token": client.get("/token").text}
    assert client.post("/act", headers=headers).text == claims()["sub"]
    twice = {"cookie": f"access={good}; access={good}"}
    client.cookies.clear()
    assert client.get("/", headers=twice).status_code == 401
    schemes = app.openapi_spec()["components"]["securitySchemes"]
    assert schemes == {"jwt": {"type": "apiKey", "in": "cookie", "name": "access"}}


def test_a_token_under_another_scheme(ask):
    backend = jwt_backend(SECRET, algorithm="HS256", scheme="Token")
    denied = ask(token(claims(aud=None)), backend=backend)
    assert denied.status_code == 401
    assert denied.headers["www-authenticate"].startswith("Token realm=")


@pytest.mark.parametrize("options", [{"cookie": "a b"}, {"cookie": ""}, {"scheme": "Basic"}])
def test_a_place_that_cannot_be_is_refused(options):
    with pytest.raises(ValueError, match=r"cookie|scheme"):
        jwt_backend(SECRET, algorithm="HS256", **options)
