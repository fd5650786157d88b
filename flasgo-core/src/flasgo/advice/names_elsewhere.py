"""What the names of Flask, Starlette and FastAPI are called here: advice for error messages.

One table, imported when an error message is made and never before. A test compares it with the
installed Flask and FastAPI, so that a name which is new there shows up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from opcode import opmap
from types import FrameType
from typing import Literal

from flasgo.errors import did_you_mean

__all__ = ["TABLE", "Kind", "advice", "missing_name", "no_attribute"]

Kind = Literal[
    "import",
    "app",
    "blueprint",
    "request",
    "websocket",
    "response",
    "error",
    "upload",
    "form",
    "settings",
    "Flasgo",
    "Blueprint",
    "Response",
    "route",
    "marker",
]
"""Where a name was met: an import from `flasgo`, an attribute of an object, a keyword of a call."""

_INSIDE = "No, because it is a part of how Flask works inside; hooks and policies do that here."
_INSIDE_STARLETTE = "No, because it is a part of how Starlette works inside; see docs/plugins.md."
_SIGNALS = (
    "No, because there are no signals: use app.before_request, app.after_request, "
    "app.teardown_request, or a plugin's hooks (docs/hooks.md)."
)
_WERKZEUG_HEADER = "The header is read by its name: request.headers.get(...)."
_RESPONSE_HEADER = 'The header is set by its name: response.headers["..."] = "...".'
_LIFESPAN = (
    "Write `@app.lifespan` over an `async def` function with one `yield`: what stands before it "
    "runs at start-up, what stands behind it at shut-down."
)
_JSON = "A dict, list, dataclass or Struct that a handler returns is sent as JSON."
_DOCUMENT = (
    "The API description is set by the settings API_TITLE, API_VERSION, "
    "API_DESCRIPTION and ENABLE_DOCS; a plugin's hook openapi_document changes the rest."
)
_PREFIX_DEFAULTS = (
    "A prefix may have parameters, Blueprint('x', '/<lang>'): its handlers take them."
)
_TEMPLATES = "Templates are set up by app.configure_templates('templates', ...)."
_STATIC = (
    "Static files are served by Flasgo(static_folder='static') and "
    "app.configure_static(folder, url_path)."
)
_GROUPS = "The commands of blueprint.cli are a group with the blueprint's name."
_MODELS = (
    "Models are dataclasses and msgspec.Struct; response_model= drops what the model does not have."
)
_METADATA = (
    "The API description takes title, description, examples and constraints by msgspec.Meta."
)
_SERVER = "The server decides that: flasgo run, or uvicorn's own options."
_FORMS = "The limits of forms are settings: MAX_REQUEST_BODY_BYTES, and max_body= of a route."
_HOSTS = "host= of a route or blueprint takes a host with parameters: '<tenant>.example.com'."
_SLASHES = "The setting TRAILING_SLASH decides it for the app: strict, redirect or ignore."
_WEBSOCKETS = "Write `@app.websocket('/path')` over an `async def` function."
_BODY = "The body is read when it is asked for: {}."

TABLE: Mapping[Kind, Mapping[str, str]] = {
    "import": {
        "Flask FastAPI Starlette Quart Sanic": "The app is called Flasgo.",
        "APIRouter Router": "It is called Blueprint: Blueprint('notes', '/notes').",
        "Config": "It is called Settings; apps have theirs as app.settings, also app.config.",
        "UploadFile": "It is called UploadedFile.",
        "File": "Annotate the parameter with UploadedFile, or `form.file(name)` of the form.",
        "JSONResponse ORJSONResponse UJSONResponse": f"{_JSON} With a status and headers it is "
        "Response.json(data, 201, headers).",
        "HTMLResponse": "It is called Response.html(...); a str that a handler returns is HTML.",
        "PlainTextResponse": "It is called Response.text(...).",
        "RedirectResponse": "It is called redirect(...), or Response.redirect(...).",
        "Security": "Permissions are policies: @app.authorize(HasScope('read')).",
        "WebSocketException": "Call `await websocket.close(code, reason)`, or abort() before.",
        "status": "Statuses are plain numbers, or http.HTTPStatus of the standard library.",
        "Middleware": "Call app.add_middleware(MiddlewareClass, option=value).",
        "BaseHTTPMiddleware": "Use app.before_request and app.after_request, or write ASGI "
        "middleware for app.add_middleware(...).",
        "Jinja2Templates": "It is called JinjaTemplates; an app has its own as app.templates.",
        "run_in_threadpool": "A `def` handler runs in a thread; also asyncio.to_thread(...).",
        "RequestValidationError": "Bad input is an HTTPException of 422: @app.errorhandler(422).",
        "jsonable_encoder": f"No, because nothing needs it: {_JSON}",
        "OAuth2PasswordBearer OAuth2PasswordRequestForm HTTPBearer": "Bearer tokens are read by "
        "app.register_auth_backend('bearer', bearer_token_backend(...)); see docs/auth.md.",
        "HTTPBasic HTTPBasicCredentials": "It is called basic_auth_backend.",
        "APIKeyHeader APIKeyQuery APIKeyCookie": "It is called api_key_backend.",
        "CORSMiddleware": "Set CORS_ORIGINS, or decorate a route with @app.cors(...).",
        "login_required": "Decorate the handler with @app.authorize().",
        "login_user": "It is called login(request, User(id=...)); see docs/auth.md.",
        "logout_user": "It is called logout(request).",
        "LoginManager UserMixin": "Users are User(id=...): register a function that finds them, "
        "app.register_auth_backend('session', session_backend(load_user)).",
        "CSRFProtect": "No, because CSRF is checked anyway: csrf_input() gives forms their token.",
        "SQLAlchemy": "Use SQLAlchemy itself, or the plugin flasgo-sqlalchemy.",
        "Limiter": "Decorate the handler with @app.ratelimit('20/minute').",
        "copy_current_request_context": "No, because threads that asyncio.to_thread starts see the "
        "request anyway; hand other threads the values they need.",
        "stream_template stream_template_string": "No, because a rendered template is sent whole: "
        "render_template(...).",
        "get_template_attribute": "Use app.templates.environment.get_template(name).module.",
        "appcontext_popped appcontext_pushed appcontext_tearing_down before_render_template "
        "got_request_exception message_flashed request_finished request_started "
        "request_tearing_down template_rendered": _SIGNALS,
        "json": "Use json of the standard library, msgspec.json, or what handlers return.",
        "has_app_ctx has_request_ctx": "They are has_app_context and has_request_context.",
    },
    "app": {
        "secret_key": "It is the setting SECRET_KEY: Flasgo(settings={'SECRET_KEY': ...}).",
        "permanent_session_lifetime": "It is the setting SESSION_LIFETIME_SECONDS.",
        "testing": "No, because app.test_client() tests the app as it is served.",
        "session_interface": "Set SESSION_STORE_URI for sessions in Redis; see docs/sessions.md.",
        "before_first_request": _LIFESPAN,
        "before_serving after_serving on_event router.on_startup": _LIFESPAN,
        "user_loader login_manager request_loader": "Users are found by "
        "app.register_auth_backend('session', session_backend(load_user)).",
        "shell_context_processor shell_context_processors make_shell_context": "`flasgo shell` has "
        "the app, its routes and a test client.",
        "include_router": "It is called app.register_blueprint(blueprint, prefix='/x').",
        "exception_handler add_exception_handler exception_handlers": "It is called "
        "app.errorhandler(key), or app.register_error_handler(key, function).",
        "middleware middleware_stack user_middleware build_middleware_stack": "Use "
        "@app.before_request and @app.after_request, or app.add_middleware(Class) for ASGI "
        "middleware.",
        "add_api_route": "It is called app.add_route(path, handler, methods).",
        "api_route": "It is called app.route(path, methods=[...]).",
        "add_api_websocket_route add_websocket_route websocket_route": _WEBSOCKETS,
        "url_path_for": "It is called app.url_for(endpoint, **params).",
        "url_map view_functions router blueprints iter_blueprints url_rule_class url_map_class "
        "endpoint": "app.routes lists the routes, with path, methods, endpoint and handler.",
        "jinja_env jinja_environment": "It is called app.templates.environment.",
        "jinja_options jinja_loader create_global_jinja_loader create_jinja_environment "
        "select_jinja_autoescape template_folder": _TEMPLATES,
        "template_context_processors update_template_context": "Use @app.context_processor.",
        "add_template_filter": "It is called app.template_filter(name)(function).",
        "add_template_global": "It is called app.template_global(name)(function).",
        "add_template_test": "It is called app.template_test(name)(function).",
        "static_folder static_url_path has_static_folder send_static_file "
        "get_send_file_max_age": _STATIC,
        "open_resource open_instance_resource": "Use open(Path(__file__).parent / name).",
        "instance_path auto_find_instance_path root_path": "No, because an app has no folder: use "
        "Path(__file__).parent, and settings for what lies elsewhere.",
        "import_name": "It is called app.name.",
        "extensions": "Extensions are plugins, listed by app.plugins; values go into app.state.",
        "make_response": "Import make_response from flasgo.",
        "redirect": "Import redirect from flasgo.",
        "json json_provider_class": f"No, because there is one encoder, msgspec's. {_JSON}",
        "url_defaults url_value_preprocessor url_value_preprocessors url_default_functions "
        "inject_url_defaults": _PREFIX_DEFAULTS,
        "subdomain_matching": _HOSTS,
        "host": _HOSTS,
        "wsgi_app": "No, because the app is an ASGI app: the object itself, wrapped by "
        "app.add_middleware(...).",
        "trace": "It is called app.route(path, methods=['TRACE']).",
        "aborter aborter_class after_request_funcs app_ctx_globals_class async_to_sync "
        "before_request_funcs config_class create_url_adapter default_config dispatch_request "
        "do_teardown_appcontext do_teardown_request ensure_sync error_handler_spec "
        "finalize_request full_dispatch_request handle_exception handle_http_exception "
        "handle_url_build_error handle_user_exception log_exception make_aborter make_config "
        "make_default_options_response preprocess_request process_response "
        "raise_routing_exception request_class response_class should_ignore_error "
        "teardown_appcontext_funcs teardown_request_funcs test_cli_runner_class test_client_class "
        "trap_http_exception url_build_error_handlers": _INSIDE,
        "openapi": "It is called app.openapi_spec().",
        "title description version summary contact license_info terms_of_service servers "
        "openapi_external_docs openapi_schema openapi_tags openapi_url openapi_version docs_url "
        "redoc_url root_path_in_servers separate_input_output_schemas swagger_ui_init_oauth "
        "swagger_ui_oauth2_redirect_url swagger_ui_parameters webhooks setup": _DOCUMENT,
        "frontend": _STATIC,
        "max_body_size form_limits": _FORMS,
    },
    "blueprint": {
        "url_prefix": "It is called blueprint.prefix.",
        "subdomain": _HOSTS,
        "cli_group": _GROUPS,
        "record record_once deferred_functions make_setup_state register": "No, because a "
        "blueprint does nothing at registration; write a plugin, or a function that takes the app.",
        "template_context_processors": "Use @blueprint.context_processor, or "
        "@blueprint.app_context_processor for all of the app's templates.",
        "add_app_template_filter": "It is blueprint.app_template_filter(name)(function).",
        "add_app_template_global": "It is blueprint.app_template_global(name)(function).",
        "add_app_template_test": "It is blueprint.app_template_test(name)(function).",
        "app_url_defaults app_url_value_preprocessor url_defaults url_value_preprocessor "
        "url_value_preprocessors url_default_functions url_values_defaults": _PREFIX_DEFAULTS,
        "template_folder jinja_loader": "It is a keyword: Blueprint(..., template_folder=...).",
        "static_folder static_url_path has_static_folder": "It is a keyword: "
        "Blueprint(..., static_folder=...); its files are url_for('.static', filename=...).",
        "send_static_file get_send_file_max_age": "Return send_from_directory(folder, filename).",
        "open_resource root_path": "Use open(Path(__file__).parent / name).",
        "view_functions endpoint routes": "app.routes lists the routes, once it is registered.",
        "after_request_funcs before_request_funcs teardown_request_funcs "
        "error_handler_spec": _INSIDE,
        "include_router": "It is called blueprint.register_blueprint(other).",
        "add_api_route": "It is called blueprint.add_route(path, handler, methods).",
        "api_route": "It is called blueprint.route(path, methods=[...]).",
        "add_api_websocket_route add_websocket_route websocket_route": "Write "
        "`@blueprint.websocket('/path')` over an `async def` function.",
        "url_path_for": "It is called app.url_for('notes.show', **params).",
        "on_event on_startup on_shutdown add_event_handler lifespan lifespan_context": _LIFESPAN,
        "trace options": "It is called blueprint.route(path, methods=['TRACE']).",
        "exception_handler": "It is called blueprint.errorhandler(key).",
        "dependencies tags responses deprecated include_in_schema": "It is a keyword of "
        "Blueprint(...), and not to be changed afterwards.",
        "default_response_class": f"{_JSON} Return another Response for anything else.",
        "redirect_slashes": _SLASHES,
        "max_body_size form_limits": _FORMS,
        "frontend": _STATIC,
        "callbacks": _DOCUMENT,
        "generate_unique_id_function": "operation_id= of a route names it in the API description.",
        "app default dependency_overrides_provider handle matches middleware_stack not_found "
        "route_class strict_content_type": _INSIDE_STARLETTE,
    },
    "request": {
        "get_json": _BODY.format("await request.json()"),
        "data get_data input_stream": _BODY.format("await request.body()"),
        "files": _BODY.format("(await request.form()).file(name)"),
        "values": _BODY.format("request.query, or (await request.form())"),
        "form_data_parser_class make_form_data_parser want_form_data_parsed max_form_memory_size "
        "max_form_parts max_content_length": _FORMS,
        "authorization auth": "request.user is the user; the header is "
        "request.headers.get('authorization').",
        "remote_user": "It is called request.user.",
        "accept_mimetypes": "Use request.preferred_type('text/html', 'application/json').",
        "accept_charsets accept_encodings accept_languages access_control_request_headers "
        "access_control_request_method cache_control content_encoding content_md5 date if_match "
        "if_modified_since if_none_match if_range if_unmodified_since max_forwards mimetype_params "
        "pragma range": _WERKZEUG_HEADER,
        "access_route": "request.client_ip is the client's address; TRUSTED_PROXIES says whose "
        "X-Forwarded-For counts.",
        "blueprints": "request.blueprint is the innermost one, with its full name: outer.inner.",
        "root_url url_root": "It is called request.host_url, with request.root_path behind it.",
        "script_root": "It is called request.root_path.",
        "url_rule": "It is called request.route; its rule is request.route.path.",
        "url_for": "Import url_for from flasgo.",
        "environ": "It is called request.scope, the ASGI scope.",
        "is_xhr": "Look at request.headers.get('x-requested-with').",
        "trusted_hosts": "It is the setting ALLOWED_HOSTS.",
        "client": "It is called request.client_ip.",
        "is_disconnected": "No, because streams end by themselves when the client has left.",
        "receive send_push_promise send_early_hints": "No, because the ASGI channel belongs to the "
        "framework; use ASGI middleware for it.",
        "get items keys": "request.scope is the ASGI scope; a request is not a mapping.",
        "application close dict_storage_class from_values is_multiprocess is_multithread "
        "is_run_once json_module list_storage_class on_json_loading_failed parameter_storage_class "
        "routing_exception user_agent_class": _INSIDE,
    },
    "websocket": {
        "send": "It is called send_text, send_bytes or send_json.",
        "send_denial_response": "It is abort(status, detail), before the WebSocket is accepted.",
    },
    "response": {
        "data get_data set_data": "It is called response.body.",
        "get_json": "No, because a response is bytes: msgspec.json.decode(response.body).",
        "is_json": "Look at response.mimetype == 'application/json'.",
        "media_type": "It is called response.content_type, without parameters response.mimetype.",
        "charset": "No, because text is sent in UTF-8.",
        "location": "It is redirect(...), or response.headers['location'].",
        "call_on_close": "It is called request.background.add(function).",
        "raw_headers": "response.headers has them; pairs() are not changed by hand.",
        "get_etag": "It is called response.set_etag() and response.make_conditional(request).",
        "is_streamed": "It is called response.is_streaming.",
        "accept_ranges access_control_allow_credentials access_control_allow_headers "
        "access_control_allow_methods access_control_allow_origin access_control_expose_headers "
        "access_control_max_age age allow cache_control content_encoding content_language "
        "content_length content_location content_md5 content_range content_security_policy "
        "content_security_policy_report_only cross_origin_embedder_policy "
        "cross_origin_opener_policy date expires mimetype_params retry_after vary "
        "www_authenticate": _RESPONSE_HEADER,
        "autocorrect_location_header automatically_set_content_length calculate_content_length "
        "close default_mimetype default_status force_type freeze from_app get_app_iter "
        "get_wsgi_headers get_wsgi_response implicit_sequence_conversion is_sequence iter_encoded "
        "json_module make_sequence max_cookie_size stream": _INSIDE,
        "init_headers render body_iterator": _INSIDE_STARLETTE,
    },
    "error": {
        "get_response": "The handler of an error returns what any handler returns: "
        "{'detail': error.detail}, error.status_code.",
        "get_body get_description": "It is called error.detail.",
        "get_headers": "It is called error.headers.",
    },
    "Flasgo": {
        "import_name": "The name is the first argument: Flasgo(__name__).",
        "static_url_path": "It is the setting STATIC_URL_PATH.",
        "static_host": _HOSTS,
        "host_matching subdomain_matching": _HOSTS,
        "template_folder": "Call app.configure_templates('templates').",
        "instance_path instance_relative_config root_path": "No, because an app has no folder: use "
        "Path(__file__).parent, and settings for what lies elsewhere. Behind a prefix, servers "
        "have --root-path.",
        "debug": "It is the setting DEBUG: FLASGO_DEBUG=1, or Flasgo(settings={'DEBUG': True}).",
        "secret_key": "It is the setting SECRET_KEY: Flasgo(settings={'SECRET_KEY': ...}).",
        "title summary description version openapi_url openapi_tags servers docs_url redoc_url "
        "swagger_ui_oauth2_redirect_url swagger_ui_init_oauth terms_of_service contact "
        "license_info root_path_in_servers callbacks webhooks swagger_ui_parameters "
        "separate_input_output_schemas openapi_external_docs": _DOCUMENT,
        "generate_unique_id_function": "operation_id= of a route names it in the API description.",
        "routes": "Call app.add_route(path, handler), or decorate handlers.",
        "default_response_class": f"{_JSON} Return another Response for anything else.",
        "redirect_slashes": _SLASHES,
        "middleware": "Call app.add_middleware(MiddlewareClass, option=value).",
        "exception_handlers": "Call app.register_error_handler(key, function).",
        "on_startup on_shutdown lifespan": _LIFESPAN,
        "max_body_size form_limits": _FORMS,
        "strict_content_type": "No, because a JSON body needs its content type here.",
        "telemetry": "No, because nothing is measured or sent; a plugin's hooks see each request.",
    },
    "Blueprint": {
        "subdomain": _HOSTS,
        "url_defaults": _PREFIX_DEFAULTS,
        "root_path": "No, because a blueprint has no folder: use Path(__file__).parent.",
        "cli_group": _GROUPS,
        "default_response_class": f"{_JSON} Return another Response for anything else.",
        "callbacks": _DOCUMENT,
        "routes": "Call blueprint.add_route(path, handler), or decorate handlers.",
        "redirect_slashes": _SLASHES,
        "on_startup on_shutdown lifespan": _LIFESPAN,
        "generate_unique_id_function": "operation_id= of a route names it in the API description.",
        "max_body_size form_limits": _FORMS,
        "default dependency_overrides_provider route_class": _INSIDE_STARLETTE,
        "strict_content_type": "No, because a JSON body needs its content type here.",
    },
    "route": {
        "method": "It is called methods=[...], or use @app.post and its like.",
        "view_func handler": "The function is decorated, or the second argument of add_route.",
        "provide_automatic_options": "No, because OPTIONS is answered for each path by itself.",
        "subdomain": _HOSTS,
        "strict_slashes merge_slashes": _SLASHES,
        "redirect_to alias build_only": "Write a handler that returns redirect(url_for(...)).",
        "websocket": _WEBSOCKETS,
        "string rule": "The rule is the first argument.",
        "response_class": "Return the Response, or annotate the handler's return with its class.",
        "response_description": "Write responses={200: {'description': '...'}}.",
        "response_model_include response_model_exclude response_model_by_alias "
        "response_model_exclude_unset response_model_exclude_defaults "
        "response_model_exclude_none": f"{_MODELS} A Struct with omit_defaults=True leaves out "
        "defaults.",
        "callbacks openapi_extra": _DOCUMENT,
        "generate_unique_id_function": "It is called operation_id=.",
        "max_body_size form_limits": "It is called max_body=.",
        "permission_classes permissions": "Decorate the handler with @app.authorize(...).",
    },
    "Response": {
        "response": "It is called content, the first argument.",
        "direct_passthrough": "No, because a file is a FileResponse, and an iterator a "
        "StreamingResponse.",
    },
    "upload": {
        "content_length": "It is called upload.size.",
        "headers": "The part's headers are upload.content_type, upload.charset and "
        "upload.filename; the others are not kept.",
        "mimetype": "It is called upload.content_type.",
        "mimetype_params": "Only the charset is kept: upload.charset.",
        "name": "The field's name is the one that form.file(name) was asked for.",
        "seek": "Each read begins at the beginning; `async for` over upload.chunks() reads pieces.",
        "stream": "It is called upload.file: an open binary file.",
        "write": "No, because an upload is read only; save it with `await upload.save(path)`.",
    },
    "settings": {
        "from_object from_pyfile": "Give the module's name: Flasgo(settings='pkg.settings').",
        "from_mapping update setdefault": "Settings are given to Flasgo(settings={...}), those of "
        "the app's own to Flasgo(own_settings={...}), and do not change afterwards.",
        "from_envvar from_prefixed_env from_file": "FLASGO_... variables and .env are read anyway.",
        "get_namespace": "Write `{name: value for name, value in app.settings.items() if ...}`.",
        "clear copy fromkeys pop popitem root_path": "No, because settings do not change: "
        "dict(app.settings) is a copy.",
    },
    "form": {
        "add clear copy deepcopy fromkeys pop popitem popitemlist poplist setdefault setlist "
        "setlistdefault update": "No, because what a client sent does not change; "
        "dict(values) is a copy to change.",
        "lists": "Write `[(name, values.getlist(name)) for name in values]`.",
        "listvalues": "Write `[values.getlist(name) for name in values]`.",
        "to_dict": "Write `dict(values)`; each name with its first value.",
    },
    "marker": {
        "default_factory": "Give the value itself: each request gets a copy of it.",
        "alias_priority serialization_alias validation_alias": "It is called alias=.",
        "embed": "A body that is a field of an object has an alias: Body(alias='name').",
        "example openapi_examples": "It is called examples=[...].",
        "regex": "It is called pattern=.",
        "json_schema_extra": "msgspec.Meta(extra_json_schema=...) stands beside the marker.",
        "include_in_schema": "No, because that is said of routes, not of parameters.",
        "convert_underscores media_type": "It is called alias=, for the name in the request; "
        "parameters with underscores are headers with hyphens.",
        "discriminator": "A union of Structs with tag=True tells its members apart.",
        "strict validate_default union_mode fail_fast allow_inf_nan max_digits "
        "decimal_places": "No, because msgspec converts the value to the annotated type; a type of "
        "its own, or a dependency, checks more.",
        "scope max_concurrency": "No, because a dependency lives as long as its request.",
    },
}
"""For each kind, names that are separated by blanks, and one sentence about them."""


def advice(kind: Kind, name: str) -> str | None:
    """Return one sentence about a name of another framework, or None for other names.

    Args:
        kind: Where the name was met.
        name: The name.
    """
    return _rows(kind).get(name)


def no_attribute(kind: Kind, thing: object, name: str) -> str:
    """Return the message for an attribute that an object does not have.

    Args:
        kind: What the object is.
        thing: The object.
        name: What was asked of it.
    """
    hint = ""
    if not name.startswith("_"):
        public = [known for known in dir(type(thing)) if not known.startswith("_")]
        meant = advice(kind, name)
        hint = f" {meant}" if meant else did_you_mean(name, public)
    return f"{type(thing).__name__!r} object has no attribute {name!r}.{hint}"


def missing_name(name: str, frame: FrameType, known: Iterable[str]) -> Exception:
    """Return the error for a name that `flasgo` does not have.

    Args:
        name: What was asked of the module.
        frame: What asks.
        known: The names that there are.
    """
    hint = advice("import", name)
    meant = f" {hint}" if hint else did_you_mean(name, known)
    # `from flasgo import name` drops the message of an AttributeError. A wrong guess about the
    # instruction costs the hint, and nothing else.
    code, at = frame.f_code.co_code, frame.f_lasti
    if meant and 0 <= at < len(code) and code[at] == opmap["IMPORT_FROM"]:
        return ImportError(f"cannot import name {name!r} from 'flasgo'.{meant}", name="flasgo")
    return AttributeError(f"module 'flasgo' has no attribute {name!r}.{meant}", name=name)


@cache
def _rows(kind: Kind) -> dict[str, str]:
    return {name: text for names, text in TABLE[kind].items() for name in names.split()}
