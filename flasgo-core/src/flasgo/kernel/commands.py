"""Commands of an app's own for the command line: `@app.cli.command("init-db")`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar, overload

from msgspec import Struct

from flasgo.callables import qualified_name
from flasgo.errors import ConfigurationError

__all__ = ["Command", "Commands"]

_F = TypeVar("_F", bound=Callable[..., object])


class Command(Struct, frozen=True):
    """A function that `flasgo` calls.

    Attributes:
        name: What the command is called; None for the function's name, with hyphens.
        function: The function; what its parameters are, typer tells by their annotations.
        options: The keywords of typer's `command`, such as `help`.
    """

    name: str | None
    function: Callable[..., object]
    options: dict[str, Any]


class Commands:
    """The commands of an app or a blueprint, for `flasgo`.

    They run in `app.app_context()`: `current_app`, `g`, `url_for` and templates work in them. An
    `async def` command runs while the app is started, as it is when it serves.
    """

    def __init__(self) -> None:
        self._commands: list[Command] = []
        self._groups: dict[str, Commands] = {}

    def __iter__(self) -> Iterator[Command]:
        return iter(self._commands)

    @property
    def groups(self) -> dict[str, Commands]:
        """The commands of blueprints, by the name of the group: `flasgo notes purge`."""
        return {name: group for name, group in self._groups.items() if group}

    def __len__(self) -> int:
        return len(self._commands) + len(self.groups)

    @overload
    def command(self, name: _F, /) -> _F: ...
    @overload
    def command(self, name: str | None = None, **options: Any) -> Callable[[_F], _F]: ...

    # Any: the keywords of typer, which core does not need; and the decorator or the function.
    def command(self, name: Any = None, **options: Any) -> Any:
        """Make a command of the decorated function.

        Its parameters are the command's arguments and options, by their annotations, as typer has
        it: `def purge(days: int = 30)` takes `--days`.

        Args:
            name: What it is called; the function's name, with hyphens, when left out.
            options: Keywords of typer's `command`, such as `help`.

        Raises:
            ConfigurationError: When it is click's command, whose decorators say what it takes.
        """
        if callable(name) and not isinstance(name, str):
            self.add_command(name)
            return name

        def add(function: _F) -> _F:
            self.add_command(function, name, **options)
            return function

        return add

    def add_command(
        self, function: Callable[..., object], name: str | None = None, **options: Any
    ) -> None:
        """Make a command of a function; see `command`."""
        if hasattr(function, "__click_params__") or hasattr(function, "make_context"):
            raise ConfigurationError(
                f"The command {name or getattr(function, 'name', None) or qualified_name(function)}"
                " is made by click's decorators. Take them away: the parameters of the function "
                "and their annotations say what the command takes, `name: str` an argument and "
                "`days: int = 30` an option (typer)."
            )
        if not callable(function):
            raise ConfigurationError(f"A command is a function, not {function!r}.")
        self._commands.append(Command(name, function, options))

    def _add_group(self, name: str, commands: Commands) -> None:
        self._groups[name] = commands
