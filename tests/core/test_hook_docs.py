"""The hooks are documented as they are, and each one has been seen to be called (PLUG-1)."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flasgo import Flasgo, Response, hookimpl, hookspecs
from flasgo.hookspecs import REQUEST_HOOKS, SETUP_HOOKS
from flasgo.plugins.checks import collect_findings
from flasgo.plugins.reports import collect_tables
from flasgo_testing import WebSocketClosedError

from tests.conftest import Connect

HOOKS = (*SETUP_HOOKS, *REQUEST_HOOKS)


def sections(hook: str) -> dict[str, str]:
    """Return the parts of a hook's docstring by their headings; the summary is under ''."""
    text = inspect.getdoc(getattr(hookspecs, hook)) or ""
    parts = re.split(r"^(When|Args|Returns|Example):\n", text, flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def parameters(hook: str) -> list[str]:
    return list(inspect.signature(getattr(hookspecs, hook)).parameters)


# --- The documentation -------------------------------------------------------------------------


def test_the_lists_name_every_hook() -> None:
    marked = [name for name, member in vars(hookspecs).items() if hasattr(member, "flasgo_spec")]
    assert sorted(marked) == sorted(HOOKS)


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_says_when_it_is_called_and_of_which_colour_it_may_be(hook: str) -> None:
    parts = sections(hook)
    summary = parts[""].strip().splitlines()[0]
    assert summary.endswith((".", ":"))
    assert "`def`" in parts["When"]
    assert "`async def`" in parts["When"] or "`def` only" in parts["When"]


@pytest.mark.parametrize("hook", HOOKS)
def test_the_documented_arguments_are_the_real_ones(hook: str) -> None:
    documented = re.findall(r"^    (\w+): \S", sections(hook)["Args"], flags=re.MULTILINE)
    assert documented == parameters(hook)


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_that_returns_something_says_what_none_means(hook: str) -> None:
    returns = inspect.signature(getattr(hookspecs, hook)).return_annotation
    if returns in {"None", "Awaitable[None] | None"}:
        assert "Returns" not in sections(hook)
    else:
        assert "None" in sections(hook)["Returns"]


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_is_typed(hook: str) -> None:
    signature = inspect.signature(getattr(hookspecs, hook))
    for parameter in signature.parameters.values():
        assert parameter.annotation is not parameter.empty
        assert parameter.default is parameter.empty
    assert signature.return_annotation is not signature.empty


@pytest.mark.parametrize("hook", HOOKS)
def test_the_example_implements_the_hook(hook: str) -> None:
    code = re.search(r"```python\n(.*?)```", sections(hook)["Example"], re.DOTALL)
    assert code is not None
    functions = [
        node
        for node in ast.parse(textwrap.dedent(code[1])).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert [function.name for function in functions] == [hook]
    [function] = functions
    assert "hookimpl" in ast.unparse(function.decorator_list[0])
    names = [argument.arg for argument in function.args.args]
    assert names[0] == "self"
    assert set(names[1:]) <= set(parameters(hook))
    if "`def` only" in sections(hook)["When"]:
        assert isinstance(function, ast.FunctionDef)


@pytest.mark.parametrize("hook", REQUEST_HOOKS)
def test_the_module_tells_the_order_of_the_request_hooks(hook: str) -> None:
    order = re.findall(r"`(\w+)`", (hookspecs.__doc__ or "").partition("The order")[2])
    assert [name for name in order if name in REQUEST_HOOKS] == list(REQUEST_HOOKS)
    assert hook in order


# --- A call of each has been seen --------------------------------------------------------------


class Observer:
    """Implements every hook of the core and keeps the arguments of each call."""

    name = "observer"

    def __init__(self) -> None:
        self.calls: dict[str, dict[str, Any]] = {}


def _observing(hook: str) -> Any:
    """Return an implementation that takes exactly the arguments of the specification."""
    names = ", ".join(parameters(hook))
    pairs = ", ".join(f"{name!r}: {name}" for name in parameters(hook))
    namespace: dict[str, Any] = {}
    source = f"def {hook}(self, {names}):\n    self.calls[{hook!r}] = {{{pairs}}}\n"
    exec(source, namespace)
    return hookimpl(namespace[hook])


for _name in HOOKS:
    setattr(Observer, _name, _observing(_name))


Trigger = Callable[[Flasgo, Connect], None]
TRIGGERS: dict[str, Trigger] = {}
"""How each hook is made to be called, as it is in production."""


def triggers(*hooks: str) -> Callable[[Trigger], Trigger]:
    """Register the decorated function as what makes the core call these hooks."""

    def register(function: Trigger) -> Trigger:
        TRIGGERS.update(dict.fromkeys(hooks, function))
        return function

    return register


@triggers("plugin_setup", "app_created")
def create(app: Flasgo, connect: Connect) -> None:
    """Do nothing more: the app was created."""


@triggers("app_startup", "app_shutdown")
def serve(app: Flasgo, connect: Connect) -> None:
    with connect(app):
        pass


NOT_BY_A_GET = {"error_response"}.union(
    hook for hook in REQUEST_HOOKS if hook.startswith(("websocket_", "background_"))
)


@triggers("background_task_started", "background_task_finished")
def run_in_background(app: Flasgo, connect: Connect) -> None:
    app.add_route("/", lambda: Response("x", background=print), endpoint="index")
    connect(app).get("/")


@triggers("websocket_accepted", "websocket_closed")
def talk(app: Flasgo, connect: Connect) -> None:
    async def talk(websocket: Any) -> None:
        await websocket.accept()

    app.websocket("/")(talk)
    with connect(app).websocket_connect("/") as session, pytest.raises(WebSocketClosedError):
        session.receive_text()


@triggers(*(hook for hook in REQUEST_HOOKS if hook not in NOT_BY_A_GET))
def request(app: Flasgo, connect: Connect) -> None:
    app.add_route("/", lambda: "x", endpoint="index")
    connect(app).get("/")


@triggers("error_response")
def fail(app: Flasgo, connect: Connect) -> None:
    connect(app).get("/")


@triggers("route_added", "routes_ready", "wrap_handler")
def add(app: Flasgo, connect: Connect) -> None:
    app.add_route("/", lambda: "x", endpoint="index")
    connect(app).get("/")


@triggers("check_app")
def check(app: Flasgo, connect: Connect) -> None:
    collect_findings(app, deploy=True)


@triggers("report_tables")
def report(app: Flasgo, connect: Connect) -> None:
    collect_tables(app)


@triggers("openapi_document")
def describe(app: Flasgo, connect: Connect) -> None:
    app.openapi_spec()


BY_COMMAND_LINE = {"cli_commands"}
"""Seen by a test of their own, below."""


@pytest.mark.parametrize("hook", [hook for hook in HOOKS if hook not in BY_COMMAND_LINE])
def test_the_hook_is_called_with_what_its_specification_says(
    make_app: Callable[..., Flasgo], connect: Connect, hook: str
) -> None:
    observer = Observer()
    app = make_app(observer)
    TRIGGERS[hook](app, connect)
    assert list(observer.calls[hook]) == parameters(hook)
    expected = {"app": app, "deploy": True, "error": None}
    if hook == "error_response":
        del expected["error"]
    for name, value in observer.calls[hook].items():
        if name in expected:
            assert value is expected[name]
        else:
            assert value is not None


@pytest.mark.usefixtures("own_modules")
def test_cli_commands_is_called_when_the_command_line_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flasgo.cli import create_cli
    from typer.testing import CliRunner

    (tmp_path / "app.py").write_text(
        textwrap.dedent(
            """
            from flasgo import Flasgo, hookimpl

            class Greeter:
                @hookimpl
                def cli_commands(self, cli):
                    cli.command("greet")(lambda: print("hello from a plugin"))

            app = Flasgo(
                plugins=[Greeter()],
                discover=False,
                settings={"SECRET_KEY": "0123456789abcdef0123456789abcdef"},
            )
            """
        )
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLASGO_APP", "app.py")
    result = CliRunner().invoke(create_cli(), ["greet"])
    assert (result.exit_code, result.output) == (0, "hello from a plugin\n")
