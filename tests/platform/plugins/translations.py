"""`{% trans %}` in templates and `request.locale`, from catalogues of texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flasgo import Connection, Flasgo, Registry, current_request, has_request_context, hookimpl
from flasgo.plugin import Plugin

__all__ = ["TranslationsPlugin"]


class TranslationsPlugin(Plugin):
    """Translates what templates mark, into the language that the visitor prefers."""

    name = "translations"

    @hookimpl
    def plugin_setup(self, registry: Registry) -> None:
        registry.option("catalogues", default={}, help="Texts by language.")
        self.locale = registry.request_attribute("locale", self.locale_of)

    @hookimpl
    def app_created(self, app: Flasgo) -> None:
        self.catalogues: Mapping[str, Mapping[str, str]] = app.options["catalogues"]

    def locale_of(self, request: Connection) -> str:
        wanted = request.headers.get("accept-language", "")
        codes = [part.partition(";")[0].strip()[:2].lower() for part in wanted.split(",")[:8]]
        return next((code for code in codes if code in self.catalogues), "en")

    @hookimpl(optionalhook=True)
    def template_environment(self, environment: Any) -> None:
        environment.add_extension("jinja2.ext.i18n")
        environment.install_gettext_callables(self.gettext, self.ngettext, newstyle=True)

    @hookimpl
    def response_finalize(self, request: Connection, response: Any) -> None:
        if request.peek("locale") is not None:
            response.headers.add_vary("Accept-Language")
            response.headers.setdefault("content-language", self.locale(request))

    def gettext(self, text: str) -> str:
        locale = self.locale(current_request()) if has_request_context() else "en"
        return self.catalogues.get(locale, {}).get(text, text)

    def ngettext(self, one: str, many: str, number: int) -> str:
        return self.gettext(one if number == 1 else many)
