"""Plugins with one fault each, and what the kit has to say about it.

They are what authors really write: each works in a quick try with a browser.
"""

import asyncio
import base64
import contextlib
import hashlib
import json
import logging
import os
import signal
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from flasgo import Flasgo, Policy, Request, Response, attach_policy, hookimpl, hookspec
from flasgo.plugin import ModelAdapter, ReportTable
from flasgo_security import SecurityPlugin

BAD = []


def seeded(case, message):
    """Note which case has to fail, and what its message has to name."""

    def note(kind):
        BAD.append((kind, case, message))
        return kind

    return note


# --- What hooks do ----------------------------------------------------------------------------


@seeded("serves_every_outcome", r"response_finalize of 'broken404' for a 404 raised KeyError: 'id'")
class Broken404:
    """Takes for granted that every response comes from its own kind of route."""

    @hookimpl
    def response_finalize(self, request, response):
        if response.status_code == 404 and request.route.endpoint == "(unmatched)":
            response.headers["x-id"] = str(request.path_params["id"])


@seeded("serves_every_outcome", r"a handler that raises raised AttributeError")
class NoResponseBody:
    """Forgets that a 500 has an error and no user data."""

    @hookimpl
    def request_finished(self, request, response, error):
        if error is not None:
            response.headers["x-error"] = error.detail


@seeded(
    "works_alone",
    r"authorize of 'hanging' hangs: it was cancelled after 0\.3 s\. Bound",
)
class Hanging:
    """Waits for a service that never answers, without a bound."""

    @hookimpl
    async def authorize(self):
        await asyncio.Event().wait()


@seeded("works_alone", r"authorize of 'junk' .* returned True; it has to be a Response or None")
class Junk:
    """Says True for "allowed"."""

    @hookimpl
    async def authorize(self):
        return True


@seeded("works_alone", r"request_finished .* returned 3; request_finished returns nothing")
class Chatty:
    """Returns something where nobody listens."""

    @hookimpl
    def request_finished(self):
        return 3


@seeded(
    "does_not_block", r"request_started of 'sleepy' calls time\.sleep\(\) at .*bad_plugins\.py:\d+"
)
class Sleepy:
    """Sleeps on the event loop."""

    @hookimpl
    def request_started(self):
        time.sleep(0.001)


@seeded("does_not_block", r"request_started of 'waiting' keeps the loop for 0\.5 s")
class Waiting:
    """Waits for a lock on the event loop: no audit event tells."""

    def __init__(self):
        self.lock = threading.Lock()
        self.lock.acquire()
        self.asked = 0

    @hookimpl
    def request_started(self):
        self.asked += 1
        if self.asked == 1:
            self.lock.acquire(timeout=1.2)


@seeded("does_not_block", r"response_finalize of 'reading' calls open\(\) .* at every request")
class Reading:
    """Reads a file for each response."""

    @hookimpl
    async def response_finalize(self, response):
        response.headers["x-size"] = str(len(Path(__file__).read_bytes()))


@seeded("serves_bare_requests", r"request_started .* no headers at all raised MissingKeyError")
class NeedsUserAgent:
    """Takes for granted that every client says what it is."""

    @hookimpl
    def request_started(self, request):
        request.state.agent = request.headers["user-agent"]


@seeded("serves_bare_requests", r"request_started .* no peer address raised AttributeError")
class NeedsPeer:
    """Takes for granted that the server knows who called."""

    @hookimpl
    def request_started(self, request):
        if request.scope["type"] == "http":
            request.state.network = request.client_ip.rpartition(".")[0]


@seeded("serves_websockets", r"request_started .* for a WebSocket raised KeyError: 'method'")
class HttpOnly:
    """Takes every connection for a request."""

    @hookimpl
    def request_started(self, request):
        request.state.verb = request.scope["method"].lower()


@seeded("keeps_streams_streaming", r"first piece of a streamed response does not leave")
class Buffering:
    """Collects a stream to see how long it is."""

    @hookimpl
    async def response_finalize(self, response):
        if not response.is_streaming:
            return None
        pieces = []

        async def send(message):
            pieces.append(message.get("body", b""))

        await response._emit(send, head_only=False)
        return Response(b"".join(pieces), response.status_code)


@seeded("survives_neighbours", r"another plugin raises in request_started raised AttributeError")
class Timing:
    """Takes for granted that its own request_started has run before."""

    @hookimpl
    def request_started(self, request):
        request.state.begun = time.perf_counter()

    @hookimpl
    def response_finalize(self, request, response):
        if b"x-conformance-neighbour" in dict(request.scope["headers"]):
            response.headers["x-ms"] = str(time.perf_counter() - request.state.begun)


# --- What they share and keep -----------------------------------------------------------------


@seeded("shares_no_state", r"Counting\.hits changes with the requests of one app")
class Counting:
    """Counts in the class, so that all apps count together."""

    hits = {}

    @hookimpl
    def request_started(self, request):
        self.hits[request.path] = self.hits.get(request.path, 0) + 1


@seeded("shares_no_state", r"Global\.apps holds a Flasgo, and is every app's")
class Global:
    """Keeps the app where all can reach it."""

    apps = []

    @hookimpl
    def app_created(self, app):
        self.apps[:] = [app]


@seeded("keeps_requests_apart", r"shows what belongs to 'conformance-\d")
class Mixing:
    """Keeps the path of the request on itself, until the response."""

    @hookimpl
    def request_started(self, request):
        self.path = request.path

    @hookimpl
    def response_finalize(self, response):
        response.headers["x-path"] = self.path.encode("ascii", "replace").decode().replace("\0", "")


@seeded("keeps_requests_apart", r"Hoarding\.last keeps a Request")
class Hoarding:
    """Keeps the last requests, and all that hangs on them."""

    def __init__(self):
        self.last = []

    @hookimpl
    def request_finished(self, request):
        self.last.append(request)


class _Shared:
    @hookimpl
    def request_started(self):
        return None


_SHARED = _Shared()


@seeded("shares_no_state", r"same _Shared object as component")
class OneComponent:
    """Registers one component for every app."""

    @hookimpl
    def plugin_setup(self, registry):
        registry.component("shared", _SHARED)


@seeded("leaves_nothing_behind", r"the task 'TaskLeak\.run' \(.*\) still runs")
class TaskLeak:
    """Starts a task, and never stops it."""

    @hookimpl
    async def app_startup(self):
        self.task = asyncio.create_task(self.run())

    async def run(self):
        await asyncio.Event().wait()


@seeded("leaves_nothing_behind", r"the thread 'leaking' still runs")
class ThreadLeak:
    """Starts a thread, and never stops it."""

    @hookimpl
    def app_startup(self):
        self.end = threading.Event()
        threading.Thread(target=self.end.wait, args=(30,), name="leaking", daemon=True).start()


_declared = False


@seeded("sets_up_again", r"other names of the kind 'setting'")
class Once:
    """Declares its setting for the first app only."""

    @hookimpl
    def plugin_setup(self, registry):
        global _declared
        if not _declared:
            registry.setting("ONCE_COLOUR", str, default="red", help="The colour.")
        _declared = True


@seeded("sets_up_again", r"for a request after the second start-up raised KeyError")
class OneStart:
    """Cannot be started again once it was stopped."""

    def __init__(self):
        self.pool = {"main": 1}

    @hookimpl
    def app_shutdown(self):
        self.pool.clear()

    @hookimpl
    def request_started(self):
        _ = self.pool["main"]


# --- Companions -------------------------------------------------------------------------------


@seeded("works_alone", r"raised .*AttributeError: Request has no attribute 'session'")
class NeedsSessions:
    """Takes for granted that the security plugin is there."""

    @hookimpl
    def request_started(self, request):
        if request.scope["type"] == "http":
            request.session.get("seen")


@seeded("works_alone", r"start-up fails: .*KeyError")
class NeedsAuth:
    """Takes for granted that the auth plugin is there."""

    @hookimpl
    def app_startup(self, app):
        app.plugins["auth"]


# --- Settings and words -----------------------------------------------------------------------


@seeded("documents_itself", r"setting MUTE_COLOUR has no help")
class Mute:
    """Does not say what its setting is for."""

    @hookimpl
    def plugin_setup(self, registry):
        registry.setting("MUTE_COLOUR", str, default="red")


@seeded("documents_itself", r"app\.paint has no docstring")
class NoDocstring:
    """Brings a method that nobody explains."""

    @hookimpl
    def plugin_setup(self, registry):
        registry.app_method("paint", self.paint)

    def paint(self, colour):
        return colour


@seeded("documents_itself", r"command 'paint' has no docstring")
class SilentCommand:
    """Brings a command that nobody explains."""

    @hookimpl
    def plugin_setup(self, registry):
        registry.command("paint", lambda: None)


@dataclass(frozen=True)
class Silent(Policy):
    """A policy that explains nothing."""

    def explain(self):
        return ""


@seeded("documents_itself", r"Silent\.explain\(\) returns ''")
class Unexplained:
    """Enforces a policy that explains nothing."""

    policies = (Silent(),)

    @hookimpl
    def plugin_setup(self, registry):
        registry.enforces(Silent)


@seeded("flags_secrets", r"OPEN_API_TOKEN sounds like a secret .* secret=True")
class OpenSecret:
    """Does not mark its token as a secret."""

    @hookimpl
    def plugin_setup(self, registry):
        registry.setting("OPEN_API_TOKEN", str, default="", help="The token of the service.")


@seeded("flags_secrets", r"value of TOLD_PASSWORD is written to the log")
class ToldSecret:
    """Logs its password."""

    @hookimpl
    def plugin_setup(self, registry):
        registry.setting("TOLD_PASSWORD", str, default="", help="The password.", secret=True)

    @hookimpl
    def app_created(self, app):
        logging.getLogger("told").warning("Connecting with %s", app.settings.TOLD_PASSWORD)


@seeded("checks_settings", r"ANY_LIMIT takes a value of any type")
class AnyType:
    """Does not say which type it needs."""

    @hookimpl
    def plugin_setup(self, registry):
        registry.setting("ANY_LIMIT", object, default=1, help="The limit.")


@seeded("checks_settings", r"request with HEADER_TEXT='a\\r\\nb: c' raised ValueError")
class Unchecked:
    """Takes any text for a header, and fails with each response."""

    @hookimpl
    def plugin_setup(self, registry):
        registry.setting("HEADER_TEXT", str, default="x", help="What the header says.")

    @hookimpl
    def app_created(self, app):
        self.text = app.settings.HEADER_TEXT

    @hookimpl
    def response_finalize(self, response):
        response.headers["x-text"] = self.text


@seeded("checks_settings", r"PER_SECOND=0 is taken, and then: .*ZeroDivisionError")
class LateCheck:
    """Finds out in app_created that it cannot divide by zero."""

    @hookimpl
    def plugin_setup(self, registry):
        registry.setting("PER_SECOND", int, default=1, help="How many a second.")

    @hookimpl
    def app_created(self, app):
        self.interval = 1 / app.settings.PER_SECOND


@seeded("flags_secrets", r"SECRET_KEY stands in the answer to GET /told under DEBUG\. Give away no")
class SettingsPage:
    """Shows developers all settings."""

    @hookimpl
    def app_created(self, app):
        if app.settings.DEBUG:
            app.add_route("/told", lambda: {n: repr(app.settings[n]) for n in app.settings})


@seeded("flags_secrets", r"SECRET_KEY stands in the answer to GET /\S+\. Give")
class KeyInHeader:
    """Marks answers with what it takes for the app's name."""

    @hookimpl
    def app_created(self, app):
        self.mark = base64.b64encode(app.settings.SECRET_KEY.encode()).decode()

    @hookimpl
    def response_finalize(self, response):
        response.headers["x-app"] = self.mark


# --- Compilation ------------------------------------------------------------------------------


class _Toggle:
    def __init__(self):
        self.asked = 0

    def __call__(self, route):
        self.asked += 1
        return self.asked % 2 == 0


@seeded("pure_predicates", r"when= of request_started of 'fickle' answers \[\w+, \w+, \w+\]")
class Fickle:
    """Asks for its hook at every other look."""

    @hookimpl(when=_Toggle())
    def request_started(self):
        return None


@seeded("pure_predicates", r"'clocked' calls time\(\)")
class Clocked:
    """Decides by the time of day."""

    @hookimpl(when=lambda route: time.time() > 0)
    def request_started(self):
        return None


class Specs:
    @hookspec
    def paint_colour(self):
        """Say a colour."""


@seeded("calls_no_pluggy", r"paint_colour is called through pluggy in response_finalize of 'aski")
class Asking:
    """Asks other plugins through pluggy for each response."""

    @hookimpl
    def plugin_setup(self, registry):
        registry.hookspecs(Specs)

    @hookimpl
    def app_created(self, app):
        self.hook = app.plugins.manager.hook

    @hookimpl
    def response_finalize(self):
        self.hook.paint_colour()


# --- Tools ------------------------------------------------------------------------------------


@seeded("answers_tools", r"check_app\(deploy=False\) gave 'all is well'")
class Prose:
    """Answers `flasgo check` in prose."""

    @hookimpl
    def check_app(self):
        return ["all is well"]


@seeded("answers_tools", r"report_tables: a row of 'Colours' has not a text for each column")
class Ragged:
    """Shows a row that is shorter than the table."""

    @hookimpl
    def report_tables(self):
        return [ReportTable("Colours", "All of them.", ("Name", "Code"), [("red",)])]


@seeded("works_beside_others", r"response_finalize of 'rude' .* raised KeyError: 'nonce'")
class Rude:
    """Works alone, and fails next to a plugin that brings the same thing in another form."""

    @hookimpl(trylast=True, after=("security",))
    def response_finalize(self, request, response):
        policy = response.headers.get("content-security-policy")
        if policy is not None:
            response.headers["x-nonce"] = dict(part.split(" ", 1) for part in [policy])["nonce"]


@dataclass(frozen=True)
class Internal(Policy):
    """For the company's network."""


def internal(handler):
    """Attach the policy."""
    return attach_policy(handler, Internal())


@seeded(
    "serves_websockets",
    r"authorize of 'guarded' for a WebSocket without headers raised Missing",
)
class Guarded:
    """Fails only where its policy is."""

    policies = (Internal(),)

    @hookimpl
    def plugin_setup(self, registry):
        registry.enforces(Internal)

    @hookimpl(when=lambda route: route.is_websocket and route.policy(Internal) is not None)
    def authorize(self, request):
        request.headers["host"]


# --- What they take away ----------------------------------------------------------------------


@seeded("keeps_denials", r"denies in request_started with 403 leaves with 200")
class Envelope:
    """Puts every answer into an envelope, and the status with it."""

    @hookimpl
    def response_finalize(self, response):
        if response.status_code >= 400:
            return Response.json({"ok": False, "status": response.status_code})
        return None


@seeded("keeps_denials", r"a handler that answers with 401 leaves with 200")
class FriendlyErrors:
    """Answers errors with a page of its own, and forgets their status."""

    @hookimpl
    def error_response(self, request, error):
        return Response.text("Something went wrong.")


@seeded(
    "keeps_headers", r"x-frame-options was 'DENY' and is gone .*take over the headers of the old"
)
class Rewriting:
    """Makes a new response of the body, and forgets the headers."""

    @hookimpl
    def response_finalize(self, response):
        if response.is_streaming or response.status_code != 200:
            return None
        return Response(response.body, response.status_code, content_type=response.content_type)


@seeded("keeps_headers", r"content-security-policy was \"default-src 'none'\" and is \"default-src")
class Loosening:
    """Allows what its own page needs, on every page."""

    @hookimpl
    def response_finalize(self, response):
        response.headers["content-security-policy"] = "default-src * 'unsafe-inline'"


@seeded("keeps_headers", r"cookie 'conformance_one=1; .*' is gone .* headers\.add")
class OneCookie:
    """Sets a cookie, in place of those that were there."""

    @hookimpl
    def response_finalize(self, response):
        response.headers["set-cookie"] = "seen=1; Path=/; HttpOnly; SameSite=Lax"


@seeded(
    "keeps_headers", r"cookie 'conformance_one=1; .*' became 'conformance_one=1; Path=/; HttpOnl"
)
class PlainCookies:
    """Takes Secure away, because cookies did not arrive on localhost."""

    @hookimpl
    def response_finalize(self, response):
        lines = response.headers.getlist("set-cookie")
        del response.headers["set-cookie"]
        for line in lines:
            response.headers.add("set-cookie", line.replace("; Secure", ""))


@seeded("keeps_background_tasks", r"task of Response\(\.\.\., background=task\) did not run")
class Forgetting:
    """Lets go of all that hangs on a response."""

    @hookimpl
    def response_finalize(self, response):
        response.background = None


@seeded("leaves_the_body_to_the_handler", r"request_started of 'bodylog' reads the body")
class BodyLog:
    """Notes every body that arrives."""

    @hookimpl
    async def request_started(self, request):
        if request.scope["type"] == "http":
            request.state.noted = len(await request.body())


# --- What belongs to the process --------------------------------------------------------------


@seeded(
    "leaves_the_process_alone", r"flasgo\.app\.Flasgo\.shout is added: Extending\..*bad_plugins"
)
class Extending:
    """Gives the app a method, and by the way every app."""

    @hookimpl
    def plugin_setup(self, registry):
        def shout(app):
            return "!"

        setattr(Flasgo, "shout", shout)  # noqa: B010


@seeded(
    "leaves_the_process_alone", r"json\.dumps is replaced by Patching\..*dumps \(.*bad_plugins\.py"
)
class Patching:
    """Replaces a function of the standard library."""

    @hookimpl
    def app_created(self, app):
        original = json.dumps

        def dumps(*args, **options):
            return original(*args, default=str, **options)

        json.dumps = dumps  # ty: ignore[invalid-assignment]


@seeded("leaves_the_process_alone", r"os\.environ\['SET_BY_PLUGIN'\] is set")
class Exporting:
    """Passes its setting on to a library by the environment."""

    def __init__(self):
        self.number = 0

    @hookimpl
    def app_startup(self):
        os.environ["SET_BY_PLUGIN"] = str(time.perf_counter())


@seeded("leaves_the_process_alone", r"the level of the logger 'flasgo' is 50, and was")
class Quiet:
    """Silences what it found noisy."""

    @hookimpl
    def app_startup(self):
        level = logging.getLogger("flasgo").level
        logging.getLogger("flasgo").setLevel(60 if level == 50 else 50)


@seeded("leaves_the_process_alone", r"the list of handlers of the root logger is \[.*NullHandler\]")
class HandlerLeak:
    """Adds a handler of logging at each start, and keeps it there."""

    @hookimpl
    def app_startup(self):
        logging.getLogger().addHandler(logging.NullHandler())


@seeded("leaves_the_process_alone", r"the handler of SIGUSR2 is .*quietly")
class SignalsAtSetup:
    """Installs a signal handler when it is set up."""

    @hookimpl
    def app_created(self, app):
        def quietly(number, frame):
            return None

        signal.signal(signal.SIGUSR2, quietly)


@seeded("leaves_the_process_alone", r"installs a signal handler at .*bad_plugins\.py:\d+")
class SignalsAtStart:
    """Wants to know when the server is to end."""

    @hookimpl
    async def app_startup(self):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, print)


@seeded("leaves_the_process_alone", r"exception handler of the event loop is 'LoopHandler\.ignore'")
class LoopHandler:
    """Hides the errors of tasks."""

    @hookimpl
    async def app_startup(self):
        asyncio.get_running_loop().set_exception_handler(self.ignore)

    def ignore(self, loop, context):
        return None


# --- What they leave --------------------------------------------------------------------------


@seeded("leaves_nothing_behind", r"shut-down '.*conformance-leak.*' is still there, and each start")
class FileLeak:
    """Makes a folder at each start, and forgets it."""

    @hookimpl
    def app_startup(self):
        self.folder = Path(tempfile.mkdtemp(prefix="conformance-leak"))
        (self.folder / "state").write_text("x")


@seeded("leaves_nothing_behind", r"file descriptor of '.*bad_plugins\.py' is still open")
class DescriptorLeak:
    """Opens a file at the start, and never closes it."""

    @hookimpl
    def app_startup(self):
        self.file = os.open(__file__, os.O_RDONLY)


@seeded("leaves_nothing_behind", r"the process 'sleep 30' still runs")
class ProcessLeak:
    """Starts a helper, and leaves it to itself."""

    @hookimpl
    def app_startup(self):
        self.helper = subprocess.Popen(["sleep", "30"])
        self.helper.returncode = 0  # or Python complains of it


@seeded(
    "keeps_memory_bounded", r"Memory grows with each request, by about \d.* request\.route\.path"
)
class ByPath:
    """Counts by the path, which clients choose."""

    def __init__(self):
        self.hits = {}

    @hookimpl
    def request_started(self, request):
        self.hits[request.path] = self.hits.get(request.path, 0) + 1


@seeded("keeps_memory_bounded", r"Memory grows with each request")
class EveryConnection:
    """Keeps how long each request has taken, for a page of statistics."""

    def __init__(self):
        self.seconds = []

    @hookimpl
    def request_finished(self):
        self.seconds.append(time.perf_counter())


# --- What keeps the event loop ----------------------------------------------------------------


@seeded(
    "does_not_block",
    r"'resulting' calls concurrent\.futures\._base\.Future\.result\(\) at .*bad_pl",
)
class Resulting:
    """Asks a thread, and waits for it."""

    def __init__(self):
        self.pool = ThreadPoolExecutor(1)

    @hookimpl
    def request_started(self):
        self.pool.submit(time.sleep, 0.002).result()

    @hookimpl
    def app_shutdown(self):
        self.pool.shutdown()


@seeded("does_not_block", r"authorize of 'deadlock' calls concurrent\..*Future\.result\(\)")
class Deadlock:
    """Waits on the loop for what the loop has to do."""

    @hookimpl
    def app_startup(self):
        self.loop = asyncio.get_running_loop()

    @hookimpl
    def authorize(self):
        future = asyncio.run_coroutine_threadsafe(asyncio.sleep(0), self.loop)
        with contextlib.suppress(TimeoutError):
            future.result(0.05)


@seeded("does_not_block", r"of 'contending' waits \d+ ms in each request, for a lock or a device")
class Contending:
    """Shares a lock with a thread that holds it for a while."""

    def __init__(self):
        self.lock = threading.Lock()
        self.end = threading.Event()

    def hold(self):
        while not self.end.is_set():
            with self.lock:
                time.sleep(0.08)

    @hookimpl
    def app_startup(self):
        self.thread = threading.Thread(target=self.hold)
        self.thread.start()

    @hookimpl
    def app_shutdown(self):
        self.end.set()

    @hookimpl
    def request_started(self):
        with self.lock:
            pass


@seeded("does_not_block", r"of 'hashing' needs \d+ ms of processor time for each request")
class Hashing:
    """Stretches a key for each request."""

    @hookimpl
    async def request_started(self, request):
        if request.path.endswith("/text"):
            hashlib.pbkdf2_hmac("sha256", b"x", b"y", 250_000)


@seeded("does_not_block", r"wrap_handler of 'napping' calls time\.sleep\(\)")
class Napping:
    """Blocks in what it puts around handlers."""

    @hookimpl
    def wrap_handler(self, route, call):
        async def wrapped(request):
            time.sleep(0.001)
            return await call(request)

        return wrapped


@seeded(
    "serves_bare_requests", r"wrap_handler of 'cachekey' for GET with no headers at all raised Mis"
)
class CacheKey:
    """Takes for granted that each request has a Host."""

    @hookimpl
    def wrap_handler(self, route, call):
        async def wrapped(request):
            request.state.key = request.headers["host"] + request.path
            return await call(request)

        return wrapped


@seeded(
    "serves_every_outcome", r"wrap_handler of 'again' .* calls the handler again after it has re"
)
class Again:
    """Tries again where the answer is empty."""

    @hookimpl
    def wrap_handler(self, route, call):
        async def wrapped(request):
            return await call(request) or await call(request)

        return wrapped


@seeded("keeps_denials", r"a handler that answers with 401 leaves with 200")
class Swallowing:
    """Hides what handlers raise."""

    @hookimpl
    def wrap_handler(self, route, call):
        async def wrapped(request):
            try:
                return await call(request)
            except Exception:
                return {"ok": False}

        return wrapped


# --- What they bring --------------------------------------------------------------------------


@seeded("takes_every_route", r"A mounted app cannot be registered with the plugin: .*__code__")
class RouteNames:
    """Takes each endpoint for a function of its own."""

    @hookimpl
    def route_added(self, app, route):
        self.last = route.handler.__code__.co_name


class Account:
    """Whose request it is."""


@seeded(
    "serves_what_it_brings",
    r"asks for Account fails for a request: KeyError: .* raise HTTPExcep",
)
class NeedsCredentials:
    """Gives accounts, where the client says whose."""

    @hookimpl
    def plugin_setup(self, registry):
        registry.provides(Account, self.account)

    def account(self, request: Request):
        request.state.account = request.scope["account"]
        return Account()


@seeded(
    "serves_what_it_brings", r"handler that asks for Account raises, its error is lost: KeyError"
)
class BadCleanup:
    """Counts on a handler that returns."""

    @hookimpl
    def plugin_setup(self, registry):
        registry.provides(Account, self.account)

    async def account(self):
        done = {}
        try:
            yield Account()
            done["ok"] = True
        finally:
            done["ok"]


class Plain:
    """Of a class that JSON does not know."""


@seeded("serves_what_it_brings", r"A Plain cannot leave as JSON: .*AttributeError")
class BadEncoder:
    """Encodes what it does not know."""

    samples = (Plain(),)

    @hookimpl
    def plugin_setup(self, registry):
        registry.encodes(Plain, lambda value: value.text)


class Named:
    """A model of a small family."""

    def __init__(self, name):
        self.name = name


class NamedAdapter(ModelAdapter):
    """Reads and writes them."""

    def handles(self, kind):
        return kind is Named

    def decode(self, kind, data):
        return Named(data["name"])

    def encode(self, value):
        return {"name": value.name}

    def schema(self, kind):
        return {"type": "object"}

    def fields(self, kind):
        return ()


@seeded(
    "serves_what_it_brings", r"The body b'null' for a Named is answered with 500\. Let decode ra"
)
class BadModels:
    """Takes for granted that data is what it ought to be."""

    samples = (Named("x"),)

    @hookimpl
    def plugin_setup(self, registry):
        registry.models(NamedAdapter())


@seeded(
    "serves_what_it_brings", r"decoder of application/x-lines raises UnboundLocal.* Raise ValueErr"
)
class BadFormat:
    """Reads what it has written, and nothing else."""

    @hookimpl
    def plugin_setup(self, registry):
        registry.body_format("application/x-lines", self.decode, lambda v: json.dumps(v).encode())

    def decode(self, body):
        if body.startswith(b"{") and body.endswith(b"}"):
            found = json.loads(body)
        return found


class DictStore:
    """Keeps sessions in a dict, as they were written last."""

    def __init__(self, uri, prefix):
        self.held = {}

    async def load(self, identifier):
        return dict(self.held.get(identifier, {}))

    async def merge(self, identifier, changed, removed, *, lifetime, create):
        self.held[identifier] = dict(changed)
        return len(changed)

    async def take(self, identifier, *, successor=None):
        return self.held.pop(identifier, {})

    async def close(self):
        self.held.clear()


@seeded(
    "serves_what_it_brings", r"store 'dict': merge with create=False makes a session that has ended"
)
class BadStore:
    """Brings a store in which sessions live again."""

    plugins = (SecurityPlugin,)
    settings = {"SESSION_STORE_URI": "dict://here"}

    @hookimpl
    def plugin_setup(self, registry):
        registry.session_store("dict", DictStore)


# --- Hooks of other plugins -------------------------------------------------------------------


@seeded(
    "hears_other_plugins", r"user_logged_in of 'welcome' for a login raised AttributeError: .*email"
)
class Welcome:
    """Takes for granted what users have."""

    @hookimpl(optionalhook=True)
    def user_logged_in(self, request, user):
        request.state.welcomed = user.email


@seeded(
    "hears_other_plugins", r"login_failed of 'watchful' for a failed login raised AttributeError"
)
class Watchful:
    """Takes for granted that people say who they are."""

    @hookimpl(optionalhook=True)
    def login_failed(self, request, username, reason):
        request.state.suspect = username.lower()


@seeded("hears_other_plugins", r"security_event_reported of 'alarming' for .* raised KeyError")
class Alarming:
    """Knows some events only."""

    @hookimpl(optionalhook=True)
    def security_event_reported(self, event):
        {"csrf": 1}[event.kind.upper()]


@seeded("hears_other_plugins", r"a page from a template fails: .*KeyError: 'theme'")
class Themed:
    """Takes for granted that a request carries a cookie."""

    @hookimpl(optionalhook=True)
    def template_context(self, request):
        return {"theme": request.scope["theme"]}


@seeded("keeps_streams_streaming", r"first piece of a streamed response does not leave")
class BufferingTransform:
    """Changes the bytes of a body once it has all of them."""

    @hookimpl
    def response_finalize(self, response):
        pieces = []

        def keep(piece, is_last):
            pieces.append(piece)
            return b"".join(pieces).upper() if is_last else b""

        response.transform(keep)
