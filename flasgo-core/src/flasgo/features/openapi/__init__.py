"""The OpenAPI document of an app, and the pages that show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flasgo.plugins.lazy_names import lazy_names

if TYPE_CHECKING:
    from flasgo.features.openapi.document import build_document as build_document
    from flasgo.features.openapi.error_responses import add_error as add_error
    from flasgo.features.openapi.operation_objects import operations as operations

__all__ = ["add_error", "build_document", "operations"]

# PERF: an app that never shows its description does not import what makes it.
if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "add_error": "error_responses",
            "build_document": "document",
            "operations": "operation_objects",
        },
    )
