"""The OpenAPI document of an app, and the pages that show it."""

from __future__ import annotations

from flasgo.features.openapi.document import build_document
from flasgo.features.openapi.error_responses import add_error
from flasgo.features.openapi.operations import operations

__all__ = ["add_error", "build_document", "operations"]
