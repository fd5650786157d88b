"""Runs the commands of an app in the test's process, and keeps what they print."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from flasgo.plugin import qualified_name

if TYPE_CHECKING:
    from flasgo import Flasgo
    from typer.testing import Result

__all__ = ["AppCliRunner"]


class AppCliRunner:
    """Runs the commands that an app and its plugins add to `flasgo`.

    Args:
        app: The app.
    """

    __test__ = False

    def __init__(self, app: Flasgo) -> None:
        self._app = app

    # Any: the keywords of typer's runner.
    def invoke(
        self,
        command: str | Sequence[str] | Callable[..., object] | None = None,
        args: str | Sequence[str] | None = None,
        **options: Any,
    ) -> Result:
        """Run a command, and return what it printed and how it ended.

        Args:
            command: The command line, `"init-db --days 3"` or a list of words; or the function of
                a command, whose arguments are in `args`.
            args: The command line, or what follows the function's name.
            options: Keywords of `typer.testing.CliRunner.invoke`, such as `input`.

        Returns:
            The result, with `output`, `exit_code` and `exception`. The message of a FlasgoError
            that ended the command is in `output`, as `flasgo` writes it.

        Raises:
            ImportError: When typer is not installed: `pip install 'flasgo-core[cli]'`.
            LookupError: When the app has no command with this function.
        """
        try:
            from typer.testing import CliRunner
        except ModuleNotFoundError as error:
            if error.name not in ("typer", "typer.testing"):
                raise
            raise ModuleNotFoundError(
                "The commands of an app need typer, which is not installed. "
                "Next: pip install 'flasgo-core[cli]'",
                name="typer",
            ) from None

        words = [] if args is None else args.split() if isinstance(args, str) else [*args]
        if isinstance(command, str):
            words = [*command.split(), *words]
        elif callable(command):
            words = [*self._words_of(command), *words]
        elif command is not None:
            words = [*command, *words]
        from flasgo.plugin import command_line

        return CliRunner().invoke(command_line(self._app), words, **options)

    def _words_of(self, function: Callable[..., object]) -> list[str]:
        cli = self._app.cli
        for group, commands in (("", cli), *cli.groups.items()):
            for each in commands:
                if each.function is function:
                    name = each.name or qualified_name(function).rpartition(".")[2]
                    name = name if each.name else name.lower().replace("_", "-")
                    return [group, name] if group else [name]
        raise LookupError(f"The app has no command {function!r}; see app.cli.command.")
