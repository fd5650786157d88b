"""AUTH-3: passwords: two schemes, off the event loop, alike for unknown users, rehashed."""

import asyncio
import hashlib
import hmac
import os
import sys
import threading
import unicodedata
from base64 import b64encode

import pytest
from flasgo import ConfigurationError, Request
from flasgo_auth import (
    MAX_PASSWORD_BYTES,
    Argon2,
    PasswordScheme,
    Scrypt,
    User,
    basic_auth_backend,
    hash_password,
    needs_rehash,
    verify_password,
)
from flasgo_auth.passwords.schemes import best_scheme

# As cheap as the parameters allow: the tests are about everything but the cost.
CHEAP = [Scrypt(log_cost=4, parallelism=1), Argon2(time_cost=1, memory_cost=8, parallelism=1)]
PASSWORDS = ["x", "correct horse battery staple", "pässwörd ☃ 🔑", " spaces ", "a" * 1024]

scheme_param = pytest.mark.parametrize("scheme", CHEAP, ids=lambda scheme: scheme.name)


@scheme_param
@pytest.mark.parametrize("password", PASSWORDS, ids=lambda password: password[:8])
async def test_a_password_verifies_and_others_do_not(scheme, password):
    stored = await hash_password(password, scheme=scheme)
    check = await verify_password(password, stored, scheme=scheme)
    assert check
    assert check.is_valid
    assert check.new_hash is None
    for wrong in [password + "x", password[1:] + "y", password.swapcase() + " ", ""]:
        assert not await verify_password(wrong, stored, scheme=scheme)


@scheme_param
async def test_hashes_are_salted_and_in_phc_format(scheme):
    one = await hash_password("same", scheme=scheme)
    two = await hash_password("same", scheme=scheme)
    assert one != two
    assert one.startswith(f"${scheme.name}$")
    assert one.isascii()
    assert "same" not in one


async def test_the_formats_are_those_others_read():
    scrypt = await hash_password("geheim", scheme=CHEAP[0])
    _, name, parameters, salt, digest = scrypt.split("$")
    from base64 import b64decode

    assert (name, parameters) == ("scrypt", "ln=4,r=8,p=1")
    expected = hashlib.scrypt(b"geheim", salt=b64decode(salt + "=="), n=16, r=8, p=1, dklen=32)
    assert b64decode(digest + "=") == expected
    import argon2

    argon = await hash_password("geheim", scheme=CHEAP[1])
    assert argon.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert argon2.PasswordHasher().verify(argon, "geheim")


async def test_a_hash_of_another_argon2_library_is_read():
    import argon2

    stored = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=2).hash("geheim")
    assert await verify_password("geheim", stored, scheme=CHEAP[1])
    assert not await verify_password("falsch", stored, scheme=CHEAP[1])


async def test_one_character_in_two_spellings_is_one_password():
    composed, decomposed = "Zo\u00eb", "Zoe\u0308"
    assert unicodedata.normalize("NFC", decomposed) == composed
    stored = await hash_password(composed, scheme=CHEAP[0])
    assert await verify_password(decomposed, stored, scheme=CHEAP[0])


def test_the_best_scheme_is_argon2_where_it_is_installed():
    assert best_scheme() == Argon2()


async def test_scrypt_is_the_fallback_and_the_error_is_the_command(monkeypatch):
    stored = await hash_password("geheim", scheme=CHEAP[1])
    for name in [name for name in sys.modules if name.partition(".")[0] == "argon2"]:
        monkeypatch.setitem(sys.modules, name, None)
    assert best_scheme() == Scrypt()
    with pytest.raises(ConfigurationError, match=r"pip install 'flasgo-auth\[argon2\]'"):
        await verify_password("geheim", stored)


# --- bounds -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("", "is empty"),
        ("a\x00b", "NUL"),
        ("\ud800", "half a character"),
        ("a" * (MAX_PASSWORD_BYTES + 1), "too long"),
        ("ü" * (MAX_PASSWORD_BYTES // 2 + 1), "too long"),
        ("x" * 10_000_000, "too long"),
    ],
    ids=lambda value: value[:10] if value.isprintable() else ascii(value),
)
async def test_what_cannot_be_hashed_is_said_and_never_verifies(password, message):
    with pytest.raises(ValueError, match=message) as caught:
        await hash_password(password, scheme=CHEAP[0])
    assert not password or password[:20] not in str(caught.value)
    stored = await hash_password("a", scheme=CHEAP[0])
    for known in (stored, None):
        assert not await verify_password(password, known, scheme=CHEAP[0])


@pytest.mark.parametrize("password", [None, b"bytes", 7], ids=repr)
async def test_a_password_is_a_str(password):
    with pytest.raises(TypeError, match="password is a str"):
        await hash_password(password)
    with pytest.raises(TypeError, match="password is a str"):
        await verify_password(password, None)


HOSTILE = [
    "",
    "geheim",
    "$",
    "$$",
    "!",
    "$2b$12$abcdefghijklmnopqrstuv",
    "pbkdf2_sha256$600000$salt$hash",
    "$scrypt$",
    "$scrypt$ln=4,r=8,p=1$c2FsdA$aGFzaA",
    "$scrypt$ln=60,r=8,p=1$c2FsdHNhbHQ$" + "A" * 43,
    "$scrypt$ln=24,r=999,p=1$c2FsdHNhbHQ$" + "A" * 43,
    "$scrypt$ln=0,r=0,p=0$c2FsdHNhbHQ$" + "A" * 43,
    "$scrypt$ln=4,r=8,p=999$c2FsdHNhbHQ$" + "A" * 43,
    "$scrypt$ln=4,r=8,p=1$c2FsdA!$" + "A" * 43,
    "$scrypt$ln=٤,r=8,p=1$c2FsdHNhbHQ$" + "A" * 43,
    "$argon2id$v=19$m=999999999,t=1,p=1$c2FsdHNhbHQ$" + "A" * 43,
    "$argon2id$v=19$m=64,t=9999,p=1$c2FsdHNhbHQ$" + "A" * 43,
    "$argon2id$v=19$m=1,t=1,p=1$c2FsdHNhbHQ$" + "A" * 43,
    "$argon2id$v=16$m=64,t=1,p=1$c2FsdHNhbHQ$" + "A" * 43,
    "$argon2i$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$" + "A" * 43,
    "$argon2id$v=19$m=64,t=1,p=1$A$A",
    "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$" + "A" * 1000,
]


@pytest.mark.parametrize("stored", HOSTILE)
@scheme_param
async def test_a_hash_that_cannot_be_used_is_a_no_and_an_error_in_the_log(stored, scheme, caplog):
    assert not await verify_password("geheim", stored, scheme=scheme)
    assert needs_rehash(stored, scheme=scheme)
    [record] = caplog.records
    assert (record.name, record.levelname) == ("flasgo.security", "ERROR")
    assert len(stored) < 10 or stored not in record.getMessage()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Scrypt(log_cost=0),
        lambda: Scrypt(log_cost=25),
        lambda: Scrypt(log_cost=24, block_size=100),
        lambda: Scrypt(parallelism=65),
        lambda: Argon2(time_cost=0),
        lambda: Argon2(memory_cost=8, parallelism=4),
        lambda: Argon2(memory_cost=2**21),
    ],
)
def test_parameters_out_of_range_are_refused(make):
    with pytest.raises(ValueError, match="="):
        make()


# --- rehashing --------------------------------------------------------------------------------


async def test_a_hash_that_has_aged_is_renewed_at_the_login():
    old, new = CHEAP[0], Scrypt(log_cost=5, parallelism=1)
    stored = await hash_password("geheim", scheme=old)
    assert needs_rehash(stored, scheme=new)
    assert (await verify_password("falsch", stored, scheme=new)).new_hash is None
    check = await verify_password("geheim", stored, scheme=new)
    assert check
    assert check.new_hash is not None
    assert check.new_hash.startswith("$scrypt$ln=5,")
    again = await verify_password("geheim", check.new_hash, scheme=new)
    assert again
    assert again.new_hash is None
    assert not needs_rehash(check.new_hash, scheme=new)


async def test_scrypt_is_replaced_by_argon2():
    stored = await hash_password("geheim", scheme=CHEAP[0])
    check = await verify_password("geheim", stored, scheme=CHEAP[1])
    assert check.new_hash is not None
    assert check.new_hash.startswith("$argon2id$")


@pytest.mark.parametrize(
    ("made", "wanted", "aged"),
    [
        (Scrypt(5, 8, 1), Scrypt(5, 8, 1), False),
        (Scrypt(5, 8, 1), Scrypt(4, 8, 1), False),  # stronger than wanted: it stays
        (Scrypt(5, 8, 1), Scrypt(6, 8, 1), True),
        (Scrypt(5, 8, 1), Scrypt(5, 9, 1), True),
        (Scrypt(5, 8, 1), Scrypt(5, 8, 2), True),
        (Argon2(1, 16, 1), Argon2(1, 16, 2), False),  # the same work, divided otherwise
        (Argon2(1, 16, 1), Argon2(1, 8, 1), False),
        (Argon2(1, 16, 1), Argon2(2, 16, 1), True),
        (Argon2(1, 16, 1), Argon2(1, 32, 1), True),
        (Argon2(1, 16, 1), Scrypt(4, 8, 1), True),
    ],
    ids=str,
)
async def test_when_a_hash_has_aged(made, wanted, aged):
    stored = await hash_password("x", scheme=made)
    assert needs_rehash(stored, scheme=wanted) is aged
    check = await verify_password("x", stored, scheme=wanted)
    assert (check.new_hash is not None) is aged


async def test_a_check_does_not_show_the_hash():
    stored = await hash_password("x", scheme=CHEAP[0])
    check = await verify_password("x", stored, scheme=CHEAP[1])
    assert "$" not in repr(check)


# --- schemes of one's own ---------------------------------------------------------------------


class Pbkdf2(PasswordScheme):
    """A scheme that makes hashes in PHC format."""

    name = "pbkdf2"

    def hash(self, password):
        salt = os.urandom(8)
        return f"$pbkdf2${salt.hex()}${self._derive(password, salt)}"

    def verify(self, password, stored):
        _, _, salt, digest = stored.split("$")
        return hmac.compare_digest(self._derive(password, bytes.fromhex(salt)), digest)

    def covers(self, stored):
        return self.reads(stored)

    def _derive(self, password, salt):
        return hashlib.pbkdf2_hmac("sha256", password, salt, 10).hex()


class Django(PasswordScheme):
    """What another framework left in the database; it only has to be read."""

    def reads(self, stored):
        return stored.startswith("pbkdf2_sha256$")

    def verify(self, password, stored):
        _, iterations, salt, digest = stored.split("$")
        made = hashlib.pbkdf2_hmac("sha256", password, salt.encode(), int(iterations))
        return hmac.compare_digest(b64encode(made).decode(), digest)


async def test_a_scheme_of_ones_own_makes_and_verifies_hashes():
    own = Pbkdf2()
    stored = await hash_password("geheim", scheme=own)
    assert stored.startswith("$pbkdf2$")
    check = await verify_password("geheim", stored, scheme=own)
    assert check
    assert check.new_hash is None
    assert not await verify_password("falsch", stored, scheme=own)
    assert not needs_rehash(stored, scheme=own)
    # Hashes of the bundled schemes are read as ever, and renewed.
    renewed = await verify_password(
        "geheim", await hash_password("geheim", scheme=CHEAP[0]), scheme=own
    )
    assert renewed.new_hash is not None
    assert renewed.new_hash.startswith("$pbkdf2$")


async def test_hashes_of_another_framework_are_read_and_renewed():
    stored = (
        "pbkdf2_sha256$10$salt$"
        + b64encode(hashlib.pbkdf2_hmac("sha256", b"geheim", b"salt", 10)).decode()
    )
    assert not await verify_password("geheim", stored, scheme=CHEAP[0])
    assert not await verify_password("falsch", stored, scheme=CHEAP[0], older=[Django()])
    check = await verify_password("geheim", stored, scheme=CHEAP[0], older=iter([Django()]))
    assert check
    assert check.new_hash is not None
    assert await verify_password("geheim", check.new_hash, scheme=CHEAP[0], older=[Django()])


async def test_a_malformed_hash_of_an_older_scheme_is_a_no(caplog):
    stored = "pbkdf2_sha256$x$salt$hash"
    assert not await verify_password("geheim", stored, scheme=CHEAP[0], older=[Django()])
    assert [record.levelname for record in caplog.records] == ["ERROR"]


@pytest.mark.parametrize("stored", [b"$scrypt$", 7, True, ["x"]], ids=repr)
async def test_what_is_stored_is_a_str(stored):
    with pytest.raises(TypeError, match="stored password hash is a str, got"):
        await verify_password("geheim", stored, scheme=CHEAP[0])
    with pytest.raises(TypeError, match="stored password hash is a str, got"):
        needs_rehash(stored, scheme=CHEAP[0])


# --- unknown users ----------------------------------------------------------------------------


@pytest.mark.parametrize("stored", [None, "!", "$2b$12$abcdefghijklmnopqrstuv"])
async def test_an_unknown_user_costs_the_same_work(stored):
    known = await hash_password("geheim", scheme=CHEAP[0])
    calls = []

    def recording(frame, event, function):
        if event == "c_call" and function is hashlib.scrypt:
            calls.append(event)

    # The work is one call of the function that takes all the time.
    threading.setprofile(recording)
    try:
        for given in (known, stored):
            calls.clear()
            check = await run_in_new_thread(verify_password("wrong", given, scheme=CHEAP[0]))
            assert not check
            assert len(calls) == 1
    finally:
        threading.setprofile(None)


async def run_in_new_thread(coroutine):
    """Run a coroutine in a loop of its own, whose threads are all new (and so profiled)."""
    result = []
    thread = threading.Thread(target=lambda: result.append(asyncio.run(coroutine)))
    thread.start()
    while thread.is_alive():
        await asyncio.sleep(0.001)
    thread.join()
    return result[0]


# --- never on the event loop ------------------------------------------------------------------


class Probe(Scrypt):
    """Hashes only once the event loop has shown that it is free."""

    free = threading.Event()
    threads: list[str] = []

    def _wait(self):
        self.threads.append(threading.current_thread().name)
        assert self.free.wait(20), "the event loop did not run while a password was hashed"

    def hash(self, password):
        self._wait()
        return super().hash(password)

    def verify(self, password, stored):
        self._wait()
        return super().verify(password, stored)


@pytest.fixture
def probe():
    Probe.free.clear()
    Probe.threads.clear()
    return Probe(log_cost=4, parallelism=1)


async def test_the_loop_is_free_while_passwords_are_hashed(probe):
    async def free_the_hasher():
        while not Probe.threads:
            await asyncio.sleep(0.001)
        Probe.free.set()

    # On the loop this would wait for itself, for ever.
    stored, _ = await asyncio.gather(hash_password("x", scheme=probe), free_the_hasher())
    Probe.threads.clear()
    Probe.free.clear()
    check, _ = await asyncio.gather(verify_password("x", None, scheme=probe), free_the_hasher())
    assert not check
    assert stored.startswith("$scrypt$")
    assert threading.current_thread().name not in Probe.threads


async def test_in_a_request_too_and_in_threads_of_their_own(app, connect, probe):
    @app.post("/in")
    async def log_in():
        return {"ok": bool(await verify_password("x", None, scheme=probe))}

    @app.get("/free")
    async def free():
        Probe.free.set()
        return ""

    client = connect(app)
    waiting = asyncio.create_task(client.arequest("POST", "/in"))
    while not Probe.threads:
        await asyncio.sleep(0.001)
    # The app answers while the password is being hashed, and the answer lets it go on.
    assert (await client.arequest("GET", "/free")).status_code == 200
    assert (await waiting).json() == {"ok": False}


def test_the_expensive_functions_are_not_called_on_the_thread_of_the_loop(app, connect):
    called = []

    def recording(frame, event, function):
        if event == "c_call":
            called.append(getattr(function, "__name__", ""))

    def expensive():
        found = [name for name in called if "scrypt" in name or "argon2" in name]
        called.clear()
        return found

    @app.post("/in/<int:number>")
    async def log_in(number: int):
        scheme = CHEAP[number]
        # This handler runs on the loop: what is recorded from here on blocks it.
        sys.setprofile(recording)
        try:
            scheme.hash(b"x")
            control = expensive()
            stored = await hash_password("x", scheme=scheme)
            checks = [await verify_password("x", known, scheme=scheme) for known in (stored, None)]
        finally:
            sys.setprofile(None)
        return {"control": control, "calls": expensive(), "valid": [bool(c) for c in checks]}

    client = connect(app)
    for number, name in [(0, "scrypt"), (1, "argon2")]:
        answer = client.post(f"/in/{number}").json()
        assert name in answer["control"][0]  # or the recording would prove nothing
        assert (answer["calls"], answer["valid"]) == ([], [True, False])


async def test_a_flood_of_logins_hashes_few_at_a_time(connect):
    from flasgo import Flasgo
    from flasgo_auth import AuthPlugin
    from flasgo_testing import TestingPlugin

    app = Flasgo(
        settings={"SECRET_KEY": "0123456789abcdef" * 4, "PASSWORD_THREADS": 2},
        plugins=[AuthPlugin, TestingPlugin],
        discover=False,
    )
    lock = threading.Lock()
    running: list[int] = []
    most: list[int] = []

    class Slow(PasswordScheme):
        name = "slow"

        def hash(self, password):
            with lock:
                running.append(1)
                most.append(len(running))
            Probe.free.wait(0.005)
            with lock:
                running.pop()
            return "x"

    @app.post("/in")
    async def log_in():
        await verify_password("x", None, scheme=Slow())
        return ""

    @app.get("/thread")
    def in_a_thread():
        return threading.current_thread().name

    client = connect(app)
    Probe.free.clear()
    answers = await asyncio.gather(
        *(client.arequest("POST", "/in") for _ in range(12)),
        client.arequest("GET", "/thread"),
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len(most) == 12
    assert max(most) <= 2


@pytest.mark.parametrize("number", [0, -1, 65])
def test_the_number_of_threads_is_bounded(number):
    from flasgo import Flasgo, SettingError
    from flasgo_auth import AuthPlugin

    with pytest.raises(SettingError, match="1 to 64"):
        Flasgo(settings={"PASSWORD_THREADS": number}, plugins=[AuthPlugin], discover=False)


async def test_a_whole_login_with_basic_credentials(app, connect):
    from base64 import b64encode

    cheap, better = CHEAP
    accounts = {"alice": await hash_password("geheim", scheme=cheap)}

    async def validate(username, password):
        check = await verify_password(password, accounts.get(username), scheme=better)
        if not check:
            return None
        if check.new_hash:
            accounts[username] = check.new_hash
        return User(id=username)

    app.register_auth_backend("basic", basic_auth_backend(validate))

    @app.get("/me")
    @app.authorize()
    def me(request: Request):
        return str(request.user.id)

    client = connect(app)

    def status(credentials):
        value = b64encode(credentials.encode()).decode()
        return client.get("/me", headers={"authorization": f"Basic {value}"}).status_code

    assert [status(pair) for pair in ("alice:falsch", "bob:geheim")] == [401, 401]
    assert accounts["alice"].startswith("$scrypt$")
    assert status("alice:geheim") == 200
    assert accounts["alice"].startswith("$argon2id$")
    assert status("alice:geheim") == 200


async def test_an_answer_that_was_not_awaited_is_neither_true_nor_false() -> None:
    stored = await hash_password("a long password", scheme=Scrypt(log_cost=4))
    for password in ("a long password", "another one"):
        with pytest.raises(TypeError, match=r"Write `await verify_password\(password, stored\)`"):
            _ = "welcome" if verify_password(password, stored) else "wrong"
    assert await asyncio.create_task(verify_password("a long password", stored))
    assert not await asyncio.wait_for(verify_password("another one", stored), 30)
