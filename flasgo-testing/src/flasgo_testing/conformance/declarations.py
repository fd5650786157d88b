"""Cases about what a plugin declares, and about the tools that ask it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Iterator
from types import ModuleType

from flasgo import Finding, Policy
from flasgo.plugin import ReportTable

from .subject import Subject, SubjectApp

__all__ = ["answers_tools", "documents_itself"]


def documents_itself(subject: Subject) -> Iterator[str]:
    """Yield what is declared and not explained."""
    made = subject.make()
    yield from _settings(made)
    registry = made.app.plugins.declarations
    for name in made.owned("option"):
        if not registry.options[name].help.strip():
            yield f"The option {name}= has no help: registry.option({name!r}, help=...)."
    yield from _members(made)
    for name in made.owned("hook"):
        spec = getattr(made.app.plugins.manager.hook, name).spec
        if not inspect.getdoc(spec.function):
            yield f"The hook {name} that it publishes has no docstring."
    for policy, owner in registry.enforcers.items():
        if owner == made.name and not _own_doc(policy):
            yield f"The policy {policy.__qualname__} has no docstring."
    for policy in subject.policies:
        yield from _explanation(policy)
    if not _own_doc(made.plugin if isinstance(made.plugin, ModuleType) else type(made.plugin)):
        yield f"{subject.label} itself has no docstring."


def _members(made: SubjectApp) -> Iterator[str]:
    registry = made.app.plugins.declarations
    for name in made.owned("app method"):
        if not inspect.getdoc(registry.app_methods.get(name) or registry.app_properties[name]):
            yield f"app.{name} has no docstring: say what it does, above the function's body."
    for name in made.owned("command"):
        if not inspect.getdoc(registry.commands[name].function):
            yield f"The command {name!r} has no docstring: `flasgo --help` shows it."


def _settings(made: SubjectApp) -> Iterator[str]:
    for name in made.owned("setting"):
        spec = made.app.plugins.declarations.settings.get(name)
        if spec is not None and not spec.help.strip():
            yield (
                f"The setting {name} has no help, so `flasgo settings` cannot explain it: "
                f"registry.setting({name!r}, ..., help=...)."
            )


def _own_doc(thing: object) -> str | None:
    return vars(thing).get("__doc__")


def _explanation(policy: Policy) -> Iterator[str]:
    explained = policy.explain()
    if not (isinstance(explained, str) and explained.strip()):
        yield (
            f"{type(policy).__qualname__}.explain() returns {explained!r}; `flasgo routes "
            "--explain` shows it, so it has to be a text."
        )


def answers_tools(subject: Subject) -> Iterator[str]:
    """Yield what goes wrong when the command line asks the plugin."""
    made = subject.make()
    for deploy in (False, True):
        yield from _check_app(made, deploy)
    yield from _report_tables(made)
    document: dict[str, object] = {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "paths": {},
    }
    for impl in made.implementations("openapi_document"):
        try:
            impl.call(made.app, document)
            json.dumps(document)
        except Exception as error:  # noqa: BLE001 - judged here
            yield f"openapi_document fails for a small document: {type(error).__name__}: {error}"
    yield from _commands(made)


def _report_tables(made: SubjectApp) -> Iterator[str]:
    for impl in made.implementations("report_tables"):
        try:
            for table in impl.call(made.app) or ():
                if not isinstance(table, ReportTable):
                    yield f"report_tables gave {table!r}; it has to be a flasgo.plugin.ReportTable."
                elif any(len(row) != len(table.columns) for row in table.rows):
                    yield f"report_tables: a row of {table.title!r} has not a text for each column."
        except Exception as error:  # noqa: BLE001 - judged here
            yield f"report_tables raised {type(error).__name__}: {error}"


def _check_app(made: SubjectApp, deploy: bool) -> Iterator[str]:
    asked = f"check_app(deploy={deploy})"
    for impl in made.implementations("check_app"):
        try:
            findings = impl.call(made.app, deploy)
            if findings is None:
                continue
            if not isinstance(findings, Iterable):
                yield f"{asked} returned {findings!r}; it returns Findings or None."
                continue
            junk = [found for found in findings if not isinstance(found, Finding)]
            if junk:
                yield f"{asked} gave {junk[0]!r}; it has to be a flasgo.Finding."
        except Exception as error:  # noqa: BLE001 - judged here
            yield f"{asked} raised {type(error).__name__}: {error}"


def _commands(made: SubjectApp) -> Iterator[str]:
    impls = list(made.implementations("cli_commands"))
    if not impls:
        return
    try:
        import typer
    except ImportError:  # the command line is an extra
        return
    cli = typer.Typer()
    for impl in impls:
        impl.call(cli)
    for command in cli.registered_commands:
        if not (command.help or inspect.getdoc(command.callback)):
            yield f"The command {command.name!r} has neither help= nor a docstring."
