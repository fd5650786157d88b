"""The kit of plugin authors: all that a plugin imports of the core besides `flasgo` itself.

Everything here is public, documented in docs/plugin-kit.md, and changes as docs/stability.md says;
what other modules of the core hold may change in any release. The bundled plugins import from
`flasgo` and from here alone.

Two groups are imported when they are first used: the OpenAPI document, and finding an app by its
target.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flasgo.asgi import ASGIApp, Message, Receive, Scope, Send
from flasgo.binding.custom_types import ModelAdapter, ModelError, ModelField
from flasgo.callables import (
    called_by,
    full_name,
    is_async,
    is_routine,
    qualified_name,
    signature_of,
)
from flasgo.errors import HookError, PluginError, UnenforcedPolicyError, did_you_mean
from flasgo.hookspecs import CONTRACT_LEVEL, REQUEST_HOOKS, SETUP_HOOKS
from flasgo.http.cookies import LONGEST_SET_COOKIE, SameSite, format_set_cookie
from flasgo.http.headers import HeaderBlock, encode_header
from flasgo.http.media_types import media_type
from flasgo.http.negotiation import acceptable_encodings
from flasgo.kernel.context import RequestContext, context_proxy, current_request
from flasgo.kernel.threads import WorkerThreads
from flasgo.plugins.base import Plugin
from flasgo.plugins.blueprint_parts import PlacedBlueprint
from flasgo.plugins.checks import Finding
from flasgo.plugins.hooks import HookOptions, hookimpl, hookspec
from flasgo.plugins.implementation import Implementation
from flasgo.plugins.lazy_names import lazy_names
from flasgo.plugins.manager import PluginInfo, Plugins
from flasgo.plugins.options import Options
from flasgo.plugins.registry import Declarations, Registry
from flasgo.plugins.reports import ReportTable
from flasgo.requests.lazy import lazy
from flasgo.responses.files import OPEN_FLAGS, FileFacts, OpenFile, RecentFacts, regular_file
from flasgo.routing.policies import Policy, PolicyScope, attach_policy, has_policy
from flasgo.settings.settings import SettingInfo, SettingSpec
from flasgo.settings.types import convert_value

if TYPE_CHECKING:
    from flasgo.cli.commands import command_line
    from flasgo.features.openapi import add_error, operations
    from flasgo.serving.target import NoTargetError, TargetError, find_target, load_target

__all__ = [
    "CONTRACT_LEVEL",
    "LONGEST_SET_COOKIE",
    "OPEN_FLAGS",
    "REQUEST_HOOKS",
    "SETUP_HOOKS",
    "ASGIApp",
    "Declarations",
    "FileFacts",
    "Finding",
    "HeaderBlock",
    "HookError",
    "HookOptions",
    "Implementation",
    "Message",
    "ModelAdapter",
    "ModelError",
    "ModelField",
    "NoTargetError",
    "OpenFile",
    "Options",
    "PlacedBlueprint",
    "Plugin",
    "PluginError",
    "PluginInfo",
    "Plugins",
    "Policy",
    "PolicyScope",
    "Receive",
    "RecentFacts",
    "Registry",
    "ReportTable",
    "RequestContext",
    "SameSite",
    "Scope",
    "Send",
    "SettingInfo",
    "SettingSpec",
    "TargetError",
    "UnenforcedPolicyError",
    "WorkerThreads",
    "acceptable_encodings",
    "add_error",
    "attach_policy",
    "called_by",
    "command_line",
    "context_proxy",
    "convert_value",
    "current_request",
    "did_you_mean",
    "encode_header",
    "find_target",
    "format_set_cookie",
    "full_name",
    "has_policy",
    "hookimpl",
    "hookspec",
    "is_async",
    "is_routine",
    "lazy",
    "lazy_names",
    "load_target",
    "media_type",
    "operations",
    "qualified_name",
    "regular_file",
    "signature_of",
]

# PERF: a plugin that does not ask for these does not load what they need.
_HOMES = {
    "NoTargetError": "serving.target",
    "TargetError": "serving.target",
    "add_error": "features.openapi",
    "command_line": "cli.commands",
    "find_target": "serving.target",
    "load_target": "serving.target",
    "operations": "features.openapi",
}

if not TYPE_CHECKING:
    # Hidden from type checkers, for which a module with __getattr__ has every name.
    __getattr__, __dir__ = lazy_names(__name__, _HOMES, package="flasgo")
