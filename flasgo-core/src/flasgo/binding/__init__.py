"""Call plans: where the arguments of handlers come from, and what becomes of their results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flasgo.binding.bodies import FormBody, JsonBody, Part
from flasgo.binding.dependencies import DependencyOverrides
from flasgo.binding.fields import Field, FileField, Model
from flasgo.binding.parameters import Marker
from flasgo.binding.plan import CallPlan, PathParameter, compile_call, compile_plan

if TYPE_CHECKING:
    from flasgo.binding.parameters import (
        DependencyMarker as Depends,
        ValueMarker as Body,
        ValueMarker as Cookie,
        ValueMarker as Form,
        ValueMarker as Header,
        ValueMarker as Path,
        ValueMarker as Query,
    )
else:
    from flasgo.binding.parameters import Body, Cookie, Depends, Form, Header, Path, Query

__all__ = [
    "Body",
    "CallPlan",
    "Cookie",
    "DependencyOverrides",
    "Depends",
    "Field",
    "FileField",
    "Form",
    "FormBody",
    "Header",
    "JsonBody",
    "Marker",
    "Model",
    "Part",
    "Path",
    "PathParameter",
    "Query",
    "compile_call",
    "compile_plan",
]
