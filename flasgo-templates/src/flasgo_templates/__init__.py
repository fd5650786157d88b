"""Sandboxed Jinja templates for Flasgo."""

from typing import TYPE_CHECKING

from flasgo.plugin import lazy_names

from flasgo_templates.plugin import TemplatesPlugin
from flasgo_templates.rendering import (
    render_template,
    render_template_async,
    render_template_string,
)

if TYPE_CHECKING:
    from flasgo_templates.app_templates import AppTemplates, TemplateOptions
    from flasgo_templates.errors import MissingTemplateError, RefusedTemplateError
    from flasgo_templates.markup import Markup, escape
    from flasgo_templates.templates import JinjaTemplates
    from flasgo_templates.undefined import UndefinedVariableError

__all__ = [
    "AppTemplates",
    "JinjaTemplates",
    "Markup",
    "MissingTemplateError",
    "RefusedTemplateError",
    "TemplateOptions",
    "TemplatesPlugin",
    "UndefinedVariableError",
    "escape",
    "render_template",
    "render_template_async",
    "render_template_string",
]

# PERF: these import Jinja, so they wait until somebody asks for them.
_HOMES = {
    "AppTemplates": "app_templates",
    "JinjaTemplates": "templates",
    "Markup": "markup",
    "MissingTemplateError": "errors",
    "RefusedTemplateError": "errors",
    "TemplateOptions": "app_templates",
    "UndefinedVariableError": "undefined",
    "escape": "markup",
}

if not TYPE_CHECKING:
    # Hidden from type checkers, for which a module with __getattr__ has every name.
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
