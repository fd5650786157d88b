"""PLUG-6: the kit passes what is sound, and names the fault of what is not."""

import asyncio
import gc
import importlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from flasgo import Finding, Flasgo, HTTPException, Registry, Request, Response, hookimpl
from flasgo_testing import conformance
from flasgo_testing.conformance.process_state import ProcessState

from .bad_plugins import BAD


def all_but(*cases):
    """Return what leaves out the cases but for some, for they take their time."""
    return {
        case.name: "another test tries it" for case in conformance.CASES if case.name not in cases
    }


def faults_of(plugin, case):
    """Return what one case finds."""
    return conformance.find_faults(
        plugin,
        seconds=0.3 if plugin.__name__ == "Hanging" else 1.5,
        policies=getattr(plugin, "policies", ()),
        samples=getattr(plugin, "samples", ()),
        plugins=getattr(plugin, "plugins", ()),
        settings=getattr(plugin, "settings", {}),
        skip=all_but(case),
    )


@pytest.mark.parametrize(("plugin", "case", "message"), BAD, ids=[bad[0].__name__ for bad in BAD])
def test_a_seeded_fault_is_named(plugin, case, message):
    found = faults_of(plugin, case)
    assert case in found, found
    with pytest.raises(AssertionError, match=message):
        raise conformance.ConformanceError("It", case, found[case])


@pytest.fixture
def process_put_back():
    before = ProcessState()
    yield
    before.restore()
    for name in [name for name in sys.modules if name.startswith("bad_imports")]:
        del sys.modules[name]  # so that the next one imports it again
    assert not list(before.changes())


@pytest.mark.usefixtures("process_put_back")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("patching", r"json\.dumps is replaced by dumps \(.*patching\.py:\d+\)\. An import must"),
        ("configuring", r"os\.environ\['CONFORMANCE_CONFIGURED'\] is set"),
        ("configuring", r"the level of the logger 'flasgo' is 50"),
        ("configuring_app", None),
        (
            "order",
            r"cannot be imported before flasgo and other plugins: KeyError: 'flasgo_security'",
        ),
    ],
)
def test_what_an_import_does(name, message, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    plugin = importlib.import_module(f"bad_imports.{name}").Plugin
    found = faults_of(plugin, "imports_in_any_order")
    if message is None:
        assert not found
    else:
        assert re.search(message, " ".join(found["imports_in_any_order"])), found


class Sound:
    """Does a bit of everything, and all of it well."""

    @hookimpl
    def plugin_setup(self, registry: Registry) -> None:
        registry.setting("SOUND_HEADER", str, default="on", help="A header.", check=fits_header)
        registry.setting("SOUND_PASSWORD", str, default="", help="A password.", secret=True)
        registry.option("sound", default=None, help="Whether there is any.")
        registry.app_method("sound_off", self.sound_off)
        registry.request_attribute("begun", lambda request: time.perf_counter())

    @hookimpl
    def app_created(self, app: Flasgo) -> None:
        self.header = app.settings.SOUND_HEADER  # ty: ignore[missing-attribute]
        self.served = 0

    @hookimpl
    async def app_startup(self) -> None:
        self.task = asyncio.create_task(asyncio.Event().wait())

    @hookimpl
    async def app_shutdown(self) -> None:
        self.task.cancel()

    @hookimpl
    async def request_started(self, request: Request) -> None:
        await asyncio.sleep(0)
        request.state.begun = request.begun  # ty: ignore[missing-attribute]

    @hookimpl(when=lambda route: not route.is_websocket)
    def response_finalize(self, request: Request, response: Response) -> None:
        response.headers["x-sound"] = self.header

    @hookimpl
    def request_finished(self) -> None:
        self.served += 1

    @hookimpl
    def check_app(self, deploy: bool) -> Iterator[Finding]:
        if deploy:
            yield Finding("sound.I001", "info", "It sounds.", "Enjoy it.")

    def sound_off(self) -> None:
        """Say how many were served."""


def fits_header(value: object) -> str | None:
    return None if str(value).isascii() and str(value).isprintable() else "write plain ASCII"


# One line, as a plugin's own tests have it.
test_a_sound_plugin = conformance.suite(Sound)


def module_plugin() -> ModuleType:
    module = ModuleType("sound_module", "A plugin that is a module.")

    @hookimpl
    def response_finalize(response: Response) -> None:
        response.headers["x-module"] = "1"

    setattr(module, "response_finalize", response_finalize)  # noqa: B010
    return module


test_a_module = conformance.suite(module_plugin())


def test_a_factory_gives_each_app_its_own():
    made = []

    def make():
        made.append(Sound())
        return made[-1]

    conformance.check(make, skip=all_but("shares_no_state", "checks_settings", "sets_up_again"))
    assert len(set(map(id, made))) == len(made) > 10


def test_what_every_app_needs():
    class Needy:
        """Cannot do without a setting and an option."""

        @hookimpl
        def plugin_setup(self, registry):
            registry.setting("NEEDED", int, help="It has no default.")
            registry.option("colour", help="Which colour.")

        @hookimpl
        def app_created(self, app):
            assert app.options["colour"] == "red"

        @hookimpl
        def authorize(self, request):
            if request.raw_header(b"authorization") != b"Bearer x":
                raise HTTPException(401)

    assert faults_of(Needy, "works_alone")
    conformance.check(
        Needy,
        skip={"keeps_memory_bounded": "another test tries it"},
        settings={"NEEDED": 3},
        options={"colour": "red"},
        headers={"Authorization": "Bearer x"},
    )


class Base:
    """What the next one needs."""

    name = "base"

    @hookimpl
    def plugin_setup(self, registry: Registry) -> None:
        registry.request_attribute("base", lambda request: "base")


class OnTop:
    """Needs another plugin, and says so."""

    requires = ("base",)

    @hookimpl
    def plugin_setup(self, registry: Registry) -> None:
        self.base = registry.instance("base")

    @hookimpl
    def response_finalize(self, request: Request, response: Response) -> None:
        response.headers["x-base"] = request.base  # ty: ignore[missing-attribute]


test_a_plugin_that_needs_another = conformance.suite(OnTop, plugins=[Base])


def test_a_plugin_whose_companion_is_not_given():
    found = faults_of(OnTop, "works_alone")
    assert "requires" in found["works_alone"][0]
    assert "plugins=[...]" in found["works_alone"][0]


def test_a_module_that_holds_an_app_too():
    module = ModuleType("whole_app", "A plugin, and the app that uses it.")

    class Counter:
        """Counts."""

        __module__ = "whole_app"

        @hookimpl
        def request_started(self):
            return None

    sys.modules["whole_app"] = module
    try:
        app = Flasgo(plugins=[Counter()])
        vars(module).update(Counter=Counter, app=app, apps=[app])
        conformance.check(Counter)
    finally:
        del sys.modules["whole_app"]


def test_the_first_fault_is_raised_with_all_that_is_known():
    kind = next(kind for kind, _, _ in BAD if kind.__name__ == "OpenSecret")
    with pytest.raises(conformance.ConformanceError) as caught:
        conformance.check(kind, skip=all_but("flags_secrets", "checks_settings"))
    assert (caught.value.plugin, caught.value.case) == ("Plugin OpenSecret", "flags_secrets")
    assert "Demanded is: Settings that hold secrets are marked" in str(caught.value)
    skip = all_but("flags_secrets", "checks_settings")
    conformance.check(kind, skip={**skip, "flags_secrets": "the token is public"})


@pytest.mark.parametrize(
    ("skip", "complaint"),
    [({"flag_secrets": "x"}, "Did you mean 'flags_secrets'"), ({"works_alone": " "}, "no reason")],
)
def test_skipping_takes_a_case_and_a_reason(skip, complaint):
    with pytest.raises(ValueError, match=complaint):
        conformance.suite(Sound, skip=skip)


def test_what_happens_when_garbage_is_collected_is_not_the_plugins_doing():
    class Littering:
        """Leaves enough behind for a collection at each look."""

        @hookimpl(when=lambda route: bool([[] for _ in range(20_000)]))
        def request_started(self):
            return None

    def clock(phase, info):  # what Hypothesis does
        time.perf_counter()

    gc.callbacks.append(clock)
    try:
        assert not faults_of(Littering, "pure_predicates")
    finally:
        gc.callbacks.remove(clock)
    assert gc.isenabled()


class Closed:
    """Refuses every request."""

    @hookimpl
    def plugin_setup(self, registry):
        registry.provides(Visitor, Visitor)

    @hookimpl
    def request_started(self):
        return Response("closed", 503)


class Visitor:
    """Who asks."""


@pytest.mark.parametrize("case", ["works_alone", "takes_every_route", "serves_what_it_brings"])
def test_a_plugin_that_refuses_requests_is_told_to_let_them_pass(case):
    found = " ".join(faults_of(Closed, case)[case])
    assert "is answered with 503 by request_started of 'closed'" in found
    assert "give settings with which they pass: conformance.suite(..., settings={...})" in found
    assert "provider" not in found


class Reader:
    """Reads a file that is not there, and tells much of it."""

    @hookimpl
    def request_started(self):
        try:
            Path("/nowhere").read_text()
        except OSError as error:
            raise ValueError("x" * 5000) from error

    @hookimpl
    def response_finalize(self):
        Path("/nowhere").read_text()


def test_the_line_of_the_plugin_is_named_and_long_values_are_cut():
    found = " ".join(faults_of(Reader, "works_alone")["works_alone"])
    line = r"\(\S+test_kit\.py:\d+\)"
    assert re.search(rf"ValueError: x{{200}}\.\.\. \(5000 characters\) {line}", found)
    assert re.search(rf"FileNotFoundError: .* {line}", found)
    found = " ".join(faults_of(Reader, "does_not_block")["does_not_block"])
    assert re.search(r"calls open\(\) at \S+test_kit\.py:\d+", found)
    assert "pathlib" not in found


def test_an_instance_is_refused():
    with pytest.raises(TypeError, match="Give the plugin's class"):
        conformance.suite(Sound())  # ty: ignore[invalid-argument-type]
    with pytest.raises(TypeError, match="Give the plugin's class"):
        conformance.suite(OnTop, plugins=[Base()])  # ty: ignore[invalid-argument-type]


def test_each_case_has_a_seeded_fault():
    assert {case for _, case, _ in BAD} | {"imports_in_any_order"} == {
        case.name for case in conformance.CASES
    }


def test_as_a_plugin_author_runs_it(tmp_path):
    (tmp_path / "my_plugin.py").write_text(
        "import time\nfrom flasgo import hookimpl\n\n\nclass MyPlugin:\n"
        '    """Waits a little."""\n\n    @hookimpl\n    def request_started(self):\n'
        "        time.sleep(0.001)\n"
    )
    (tmp_path / "test_my_plugin.py").write_text(
        "from flasgo_testing import conformance\nfrom my_plugin import MyPlugin\n\n"
        "test_plugin = conformance.suite(MyPlugin)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:asyncio"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert f"1 failed, {len(conformance.CASES) - 1} passed" in done.stdout, done.stdout
    assert "test_plugin[does_not_block]" in done.stdout
    assert "Plugin MyPlugin fails 'does_not_block'" in done.stdout
    assert "calls time.sleep() at" in done.stdout
