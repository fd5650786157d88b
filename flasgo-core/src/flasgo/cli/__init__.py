"""The `flasgo` command line. Needs typer: `pip install 'flasgo-core[cli]'`."""

from flasgo.cli.commands import create_cli, main

__all__ = ["create_cli", "main"]
