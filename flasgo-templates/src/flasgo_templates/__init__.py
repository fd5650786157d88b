"""Sandboxed Jinja templates for Flasgo."""

import importlib
from typing import TYPE_CHECKING

from flasgo_templates.plugin import TemplatesPlugin
from flasgo_templates.rendering import render_template, render_template_async

if TYPE_CHECKING:
    from flasgo_templates.app_templates import AppTemplates, TemplateOptions
    from flasgo_templates.errors import MissingTemplateError, RefusedTemplateError
    from flasgo_templates.templates import JinjaTemplates
    from flasgo_templates.undefined import UndefinedVariableError

__all__ = [
    "AppTemplates",
    "JinjaTemplates",
    "MissingTemplateError",
    "RefusedTemplateError",
    "TemplateOptions",
    "TemplatesPlugin",
    "UndefinedVariableError",
    "render_template",
    "render_template_async",
]

# PERF: these import Jinja, so they wait until somebody asks for them.
_LAZY = {
    "AppTemplates": "flasgo_templates.app_templates",
    "JinjaTemplates": "flasgo_templates.templates",
    "MissingTemplateError": "flasgo_templates.errors",
    "RefusedTemplateError": "flasgo_templates.errors",
    "TemplateOptions": "flasgo_templates.app_templates",
    "UndefinedVariableError": "flasgo_templates.undefined",
}


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
