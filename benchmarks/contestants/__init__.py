"""The contestants, in the order in which they are printed.

Each lives in a module of its own with an `app(scenario)` function; it is imported only when it
takes part, so a peer that is not installed costs one row that says so.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec

from benchmarks.asgi import ASGIApp

__all__ = ["BASELINE", "BUNDLE", "CONTESTANTS", "Contestant", "contestant"]

BASELINE = "starlette"
BUNDLE = "flasgo"


@dataclass(frozen=True)
class Contestant:
    """One application under test.

    Args:
        name: Key for `--only` and the JSON output.
        label: What the table prints.
        requires: Module that has to be importable.
        distribution: Distribution whose version is printed.
        scenarios: Scenarios that this contestant can run.
        compiled: A module that has to be an extension module, for peers that are sold as compiled.
        session_label: What the table prints in the `session` scenario, where that differs.
    """

    name: str
    label: str
    requires: str
    distribution: str | None = None
    scenarios: tuple[str, ...] = ("json",)
    compiled: str | None = None
    session_label: str | None = None

    @property
    def is_installed(self) -> bool:
        """Whether the framework can be imported here."""
        return find_spec(self.requires) is not None

    @property
    def version(self) -> str | None:
        """The version that is installed, None for our own raw function or a missing peer."""
        if self.distribution is None or not self.is_installed:
            return None
        return metadata.version(self.distribution)

    def label_in(self, scenario: str) -> str:
        """What a scenario's table prints for this contestant."""
        return (self.session_label if scenario == "session" else None) or self.label

    def app(self, scenario: str) -> ASGIApp:
        """Build the application for a scenario.

        Args:
            scenario: One of `scenarios`.

        Returns:
            An ASGI application, not started yet.
        """
        module = importlib.import_module(f"{__name__}.{self.name.replace('-', '_')}_app")
        build: Callable[[str], ASGIApp] = module.app
        return build(scenario)

    def build_note(self) -> str:
        """Say whether the compiled build is in use; empty where there is none to speak of.

        Raises:
            RuntimeError: The peer is installed without the extension modules it publishes.
        """
        if self.compiled is None or not self.is_installed:
            return ""
        origin = importlib.import_module(self.compiled).__file__ or ""
        if not origin.endswith((".so", ".pyd")):
            raise RuntimeError(
                f"{self.label}: {self.compiled} is {origin or 'built in'}, not an extension. "
                "Comparing with an uncompiled build would flatter us: install its binary wheel."
            )
        return "compiled"


# What the quickest peers are compared in besides.
_PLAIN = ("json", "text", "parameter")
CONTESTANTS: tuple[Contestant, ...] = (
    Contestant("raw", "raw ASGI function", "asyncio"),
    Contestant(
        "flasgo-core",
        "flasgo, core alone",
        "flasgo",
        "flasgo-core",
        (*_PLAIN, "typed-body"),
    ),
    Contestant(
        "flasgo",
        "flasgo, all plugins, all defaults",
        "flasgo_security",
        "flasgo",
        (*_PLAIN, "session", "typed-body"),
    ),
    Contestant(
        "starlette",
        "Starlette, bare",
        "starlette",
        "starlette",
        (*_PLAIN, "session"),
        session_label="Starlette + SessionMiddleware",
    ),
    Contestant(
        "starlette-protected",
        "Starlette + hosts, session, headers",
        "starlette",
        "starlette",
        ("json", "session"),
    ),
    Contestant("fastapi", "FastAPI", "fastapi", "fastapi", ("json", "typed-body")),
    Contestant("litestar", "Litestar", "litestar", "litestar", ("json", "typed-body")),
    # Falcon 4.4 compiles its `cyutil` package and nothing else: this is the build its wheel ships.
    Contestant("falcon", "Falcon", "falcon", "falcon", _PLAIN, compiled="falcon.cyutil.uri"),
    Contestant(
        "blacksheep",
        "BlackSheep",
        "blacksheep",
        "blacksheep",
        _PLAIN,
        compiled="blacksheep.messages",
    ),
)


def contestant(name: str) -> Contestant:
    """Find a contestant by its name.

    Raises:
        KeyError: No such contestant.
    """
    return {each.name: each for each in CONTESTANTS}[name]
