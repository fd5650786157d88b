"""`render_template` and its relatives: for code that has no app at hand."""

from __future__ import annotations

from collections.abc import Mapping

from flasgo import current_app

__all__ = ["render_template", "render_template_async", "render_template_string"]


def render_template(
    name: str, /, context: Mapping[str, object] | None = None, **values: object
) -> str:
    """Render a template of the app that serves the current request.

    Args:
        name: Its name below a template directory, such as `mail/welcome.html`.
        context: Variables for it.
        values: More variables; they win over those in `context`.

    Returns:
        The text.

    Raises:
        RuntimeError: Outside of a request and of `app.app_context()`; use
            `app.render_template` there.
        MissingTemplateError: When there is no such template.
        RefusedTemplateError: When the name or the file is not allowed.
        jinja2.TemplateError: When the template is not well-formed or cannot be rendered.
    """
    return current_app.render_template(name, context, **values)


async def render_template_async(
    name: str, /, context: Mapping[str, object] | None = None, **values: object
) -> str:
    """Render a template that may await: coroutines that it calls, and async iterators.

    Args:
        name: Its name below a template directory, such as `mail/welcome.html`.
        context: Variables for it.
        values: More variables; they win over those in `context`.

    Returns:
        The text.

    Raises:
        RuntimeError: Outside of a request and of `app.app_context()`; use
            `app.render_template_async` there.
        jinja2.TemplateError: As `render_template` does.
    """
    return await current_app.render_template_async(name, context, **values)


def render_template_string(
    source: str, /, context: Mapping[str, object] | None = None, **values: object
) -> str:
    """Render a template that is given as text, escaping as for files.

    Args:
        source: The template itself. Never put text from a client into it: pass that as a variable
            (CWE-1336).
        context: Variables for it.
        values: More variables; they win over those in `context`.

    Returns:
        The text.

    Raises:
        RuntimeError: Outside of a request and of `app.app_context()`; use
            `app.templates.render_string` there.
        RefusedTemplateError: When it is larger than `MAX_TEMPLATE_BYTES`.
        jinja2.TemplateError: When the template is not well-formed or cannot be rendered.
    """
    return current_app.templates.render_string(source, {**(context or {}), **values})
