"""What `flasgo check` says about templates: those that cannot be compiled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from flasgo import Finding
from jinja2 import TemplateSyntaxError

from flasgo_templates.errors import RefusedTemplateError

if TYPE_CHECKING:
    from flasgo_templates.app_templates import AppTemplates

__all__ = ["template_findings"]

_SUFFIXES = (".html", ".htm", ".xml", ".txt", ".svg", ".md", ".jinja", ".jinja2", ".j2")


def template_findings(templates: AppTemplates) -> Iterator[Finding]:
    """Yield the templates that are not well-formed or not allowed.

    Args:
        templates: The app's templates.
    """
    for name in templates.list_templates():
        if not name.endswith(_SUFFIXES):
            continue  # pictures and the like may lie next to templates
        try:
            templates.compile(name)
        except TemplateSyntaxError as error:
            yield Finding(
                "templates.E001",
                "error",
                f"Template {name!r}, line {error.lineno}: {error.message}",
                "Correct the template: rendering it fails.",
                "Visitors get an error page in place of the page.",
            )
        except RefusedTemplateError as error:
            yield Finding(
                "templates.E002",
                "error",
                f"Template {name!r} cannot be used: {error.reason}.",
                "Correct the file, or move it out of the template directory.",
                "What is refused could show files from outside the template directory (CWE-22).",
            )
