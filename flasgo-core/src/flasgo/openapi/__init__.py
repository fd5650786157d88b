"""The OpenAPI document of an app, and the pages that show it."""

from __future__ import annotations

from flasgo.openapi.answers import add_error
from flasgo.openapi.document import build_document
from flasgo.openapi.operations import operations

__all__ = ["add_error", "build_document", "operations"]
