"""The cases, in the order in which they are reported."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from . import (
    declarations,
    isolation,
    keeping,
    left_behind,
    powers,
    predicates,
    process,
    published,
    serving,
    setting_values,
)
from .subject import Subject

__all__ = ["CASES", "Case"]


@dataclass(frozen=True)
class Case:
    """One thing that is demanded of every plugin.

    Args:
        name: What it is called, for `skip=` and in test ids.
        demand: What is demanded, in one sentence.
        find: Yields what is wrong with a plugin.
    """

    name: str
    demand: str
    find: Callable[[Subject], Iterable[str]]


CASES = (
    # First: what it replaces has not been replaced yet by the apps of other cases.
    Case(
        "leaves_the_process_alone",
        "Nothing of flasgo or the standard library is replaced; the environment, logging, signals "
        "and the loop's handlers stay as they are.",
        process.leaves_the_process_alone,
    ),
    Case("works_alone", "It starts and serves without any other plugin.", serving.works_alone),
    Case(
        "works_beside_others",
        "It starts and serves next to all plugins that are installed.",
        serving.works_beside_others,
    ),
    Case(
        "sets_up_again",
        "A second app, a second start-up and a late registration work like the first.",
        isolation.sets_up_again,
    ),
    Case("shares_no_state", "Two apps have nothing in common.", isolation.shares_no_state),
    Case(
        "keeps_requests_apart",
        "Requests at the same time do not see each other, and are not kept.",
        isolation.keeps_requests_apart,
    ),
    Case(
        "documents_itself",
        "Settings, options, methods, hooks and policies say what they are for.",
        declarations.documents_itself,
    ),
    Case(
        "answers_tools",
        "check_app, report_tables, openapi_document and cli_commands do their work.",
        declarations.answers_tools,
    ),
    Case(
        "flags_secrets",
        "Settings that hold secrets are marked, and do not leak.",
        setting_values.flags_secrets,
    ),
    Case(
        "checks_settings",
        "Settings refuse what they cannot work with, when the app is made.",
        setting_values.checks_settings,
    ),
    Case(
        "pure_predicates",
        "when= looks at the route and at nothing else.",
        predicates.pure_predicates,
    ),
    Case(
        "serves_every_outcome",
        "Hooks take 404, 405, 500, redirects, HEAD, OPTIONS, streams and empty answers.",
        serving.serves_every_outcome,
    ),
    Case(
        "serves_bare_requests",
        "Hooks take requests without headers, without a peer, and worse.",
        serving.serves_bare_requests,
    ),
    Case("serves_websockets", "Hooks take WebSocket connections.", serving.serves_websockets),
    Case(
        "keeps_streams_streaming",
        "A streamed response leaves piece by piece.",
        serving.keeps_streams_streaming,
    ),
    Case(
        "hears_other_plugins",
        "Hooks that installed plugins publish, such as those about logins, do their work.",
        published.hears_other_plugins,
    ),
    Case(
        "takes_every_route",
        "Lambdas, views, blueprints, mounts, hosts and routes that come late are taken.",
        powers.takes_every_route,
    ),
    Case(
        "serves_what_it_brings",
        "Types, models, formats and session stores work with good and bad input.",
        powers.serves_what_it_brings,
    ),
    Case(
        "keeps_denials",
        "A request that was denied, or that failed, leaves with a status that says so.",
        keeping.keeps_denials,
    ),
    Case(
        "keeps_headers",
        "Headers and cookies that others have set stay as they are.",
        keeping.keeps_headers,
    ),
    Case(
        "keeps_background_tasks",
        "Background tasks of a response run.",
        keeping.keeps_background_tasks,
    ),
    Case(
        "leaves_the_body_to_the_handler",
        "Hooks do not read a body before the request is allowed.",
        keeping.leaves_the_body_to_the_handler,
    ),
    Case(
        "survives_neighbours",
        "Hooks work when another plugin raises, refuses or returns junk before them.",
        serving.survives_neighbours,
    ),
    Case("does_not_block", "Hooks do not block the event loop.", serving.does_not_block),
    Case(
        "calls_no_pluggy", "No hook is called through pluggy per request.", serving.calls_no_pluggy
    ),
    Case(
        "imports_in_any_order",
        "Its module can be imported first or last, and the import changes nothing.",
        process.imports_in_any_order,
    ),
    Case(
        "leaves_nothing_behind",
        "After the shut-down no task, thread, open file, process or temporary file of it is left.",
        left_behind.leaves_nothing_behind,
    ),
    Case(
        "keeps_memory_bounded",
        "What it keeps in memory does not grow with the number of requests.",
        left_behind.keeps_memory_bounded,
    ),
)
