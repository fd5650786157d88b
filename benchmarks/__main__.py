"""Command line of the benchmarks: `uv run --group benchmarks python -m benchmarks --help`."""

import argparse
import json
import logging
import sys
from dataclasses import replace

from benchmarks.report import readme_table, render
from benchmarks.run import QUICK, SECTIONS, Effort, run


def main(arguments: list[str] | None = None) -> int:
    """Measure and print.

    Args:
        arguments: Command line without the program's name; the process's own by default.

    Returns:
        The exit code: 0 when everything could be measured, whatever the figures say.
    """
    options = _parser().parse_args(arguments)
    # As they are by default: a framework that is compared may turn the root logger up.
    logging.getLogger("flasgo").setLevel(logging.WARNING)
    # The foreign host that proves the protections is logged as a security event.
    logging.getLogger("flasgo.security").setLevel(logging.ERROR)
    effort = QUICK if options.quick else Effort()
    chosen = {"rounds": options.rounds, "requests": options.requests}
    effort = replace(effort, **{name: value for name, value in chosen.items() if value is not None})
    result = run(effort, options.only or SECTIONS, lambda text: print(text, file=sys.stderr))
    if options.json:
        print(json.dumps(result.as_data(), indent=2))
    else:
        print(f"\n{render(result)}", end="")
        if options.readme:
            print(f"\n{readme_table(result)}", end="")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="What a request costs in Flasgo and elsewhere, measured in one run.",
    )
    parser.add_argument("--rounds", type=_positive, help="values per contestant (default 15)")
    parser.add_argument("--requests", type=_positive, help="requests per value (default 2000)")
    parser.add_argument(
        "--only",
        action="append",
        choices=SECTIONS,
        help="measure this section; may be given more than once",
    )
    parser.add_argument(
        "--readme", action="store_true", help="print the table of README.md at the end"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument(
        "--quick", action="store_true", help="a few requests each: shows that it runs, not more"
    )
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a number above 0, found {value}")
    return value


if __name__ == "__main__":
    sys.exit(main())
