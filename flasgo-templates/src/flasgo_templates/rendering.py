"""`render_template` and its awaitable twin: for code that has no app at hand."""

from __future__ import annotations

from collections.abc import Mapping

from flasgo import current_request

__all__ = ["render_template", "render_template_async"]


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
        RuntimeError: Outside of a request; use `app.render_template` there.
        MissingTemplateError: When there is no such template.
        RefusedTemplateError: When the name or the file is not allowed.
        jinja2.TemplateError: When the template is not well-formed or cannot be rendered.
    """
    return current_request().app.render_template(name, context, **values)


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
        RuntimeError: Outside of a request; use `app.render_template_async` there.
        jinja2.TemplateError: As `render_template` does.
    """
    return await current_request().app.render_template_async(name, context, **values)
