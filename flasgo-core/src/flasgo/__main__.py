"""The `flasgo` command, and `python -m flasgo`."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line, or say how to install it.

    Raises:
        SystemExit: With the command's status.
    """
    try:
        import typer  # noqa: F401 - the one thing the command line cannot do without
    except ModuleNotFoundError as error:
        if error.name != "typer":
            raise
        sys.exit(
            "The flasgo command needs typer, which is not installed. "
            "Next: pip install 'flasgo-core[cli]'"
        )
    from flasgo.cli import main as run_command_line

    run_command_line()


if __name__ == "__main__":
    main()
