"""Cross-origin resource sharing: which other sites' scripts may read our answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn, TypeVar, cast

from flasgo import (
    HeaderBlock,
    HTTPException,
    Policy,
    Response,
    SettingError,
    attach_policy,
    hookimpl,
)
from flasgo.plugin import PolicyScope, qualified_name

from flasgo_security.cors_origins import (
    ANY,
    OriginFunc,
    OriginPattern,
    check_function,
    function_fault,
    named_function,
    split_origins,
)
from flasgo_security.events import loggable
from flasgo_security.origins import parse_origin

if TYPE_CHECKING:
    from flasgo import Flasgo, Registry, Request, Route

__all__ = ["Cors", "CorsGuard", "CorsRules", "cors"]

_H = TypeVar("_H", bound=Callable[..., object] | PolicyScope)

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110, section 5.6.2
# What a page may send without asking, and read without being told (Fetch, section 2.2.2).
_ALWAYS_ALLOWED_HEADERS = frozenset({"accept", "accept-language", "content-language"})
_LONGEST_REQUESTED_HEADERS = 4096
_VARY = HeaderBlock({"Vary": "Origin"})


@dataclass(frozen=True)
class CorsRules:
    """Who may read, and how: checked, and ready to be compared with requests.

    Attributes:
        origins: Origins as browsers write them, `https://*.example.com` for one label; `*` alone
            is everybody.
        methods: What a preflight may ask for; None is whatever the path serves.
        headers: Request headers that a page may set, in lower case.
        expose: Response headers that a page may read besides the usual ones.
        credentials: Whether cookies and Basic credentials go along.
        max_age: Seconds for which a browser remembers a preflight's answer.
        private_network: Whether pages from the public internet may reach this app on a private
            address.
        origin_func: Tells of an origin that is not listed whether its pages may read.
        exact: The origins that are listed as they are.
        patterns: Those of which the first label is not.
    """

    origins: frozenset[str] = frozenset()
    methods: frozenset[str] | None = None
    headers: frozenset[str] = frozenset({"content-type"})
    expose: tuple[str, ...] = ()
    credentials: bool = False
    max_age: int = 600
    private_network: bool = False
    origin_func: OriginFunc | None = None
    exact: frozenset[str] = field(init=False, compare=False, repr=False)
    patterns: tuple[OriginPattern, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        exact, patterns = split_origins(self.origins)
        object.__setattr__(self, "exact", exact)
        object.__setattr__(self, "patterns", patterns)
        check_function(self.origin_func)
        for kind, names in (
            ("method", self.methods or ()),
            ("header", (*self.headers, *self.expose)),
        ):
            for name in names:
                if not (isinstance(name, str) and _TOKEN.fullmatch(name)):
                    raise ValueError(f"{name!r} is not the name of a {kind}; name each one")
        if ANY in self.headers or (self.methods and ANY in self.methods) or ANY in self.expose:
            raise ValueError("methods and headers are named one by one; '*' is for origins only")
        if ANY in self.origins and len(self.origins) > 1:
            raise ValueError("'*' is everybody: leave out the other origins, or '*'")
        if ANY in self.origins and self.credentials:
            raise ValueError(
                "origins '*' with credentials would let every site act as the visitor and read "
                "the answers (CWE-942); list the origins, or leave credentials out"
            )
        if isinstance(self.max_age, bool) or not isinstance(self.max_age, int) or self.max_age < 0:
            raise ValueError(f"max_age is a number of seconds from 0, not {self.max_age!r}")

    @property
    def is_open(self) -> bool:
        """Whether everybody may read."""
        return ANY in self.origins

    @property
    def is_on(self) -> bool:
        """Whether anybody may read at all."""
        return bool(self.origins) or self.origin_func is not None

    def names(self, origin: str) -> bool:
        """Whether an origin is listed as it is; origins are compared as text."""
        return origin in self.exact

    def allows(self, origin: str, request: Request) -> bool:
        """Whether a page of an origin may read."""
        if origin in self.exact or self.is_open:
            return True
        if any(pattern.matches(origin) for pattern in self.patterns):
            return True
        if self.origin_func is None or parse_origin(origin) != origin:
            return False
        answer = self.origin_func(origin, request)
        # SECURITY: something truthy is no yes; a forgotten `await` would let everybody read.
        if not isinstance(answer, bool):
            raise TypeError(
                f"origin_func {qualified_name(self.origin_func)} must answer True or False, got "
                f"{type(answer).__name__}."
            )
        return answer

    def explain(self) -> str:
        """Return who may read, in a few words."""
        named = [*sorted(self.origins)]
        if self.origin_func is not None:
            named.append(f"by {qualified_name(self.origin_func)}")
        who = ", ".join(named) or "no origin"
        return f"{who}, with credentials" if self.credentials else who


@dataclass(frozen=True)
class Cors(Policy):
    """Rules of one endpoint's own.

    Attributes:
        rules: They hold instead of the app's.
    """

    rules: CorsRules

    def explain(self) -> str:
        """Return what `flasgo routes --explain` shows."""
        return f"cors ({self.rules.explain()})"


def cors(
    *origins: str,
    methods: Iterable[str] | None = None,
    headers: Iterable[str] = ("content-type",),
    expose: Iterable[str] = (),
    credentials: bool = False,
    max_age: int = 600,
    private_network: bool = False,
    origin_func: OriginFunc | None = None,
) -> Callable[[_H], _H]:
    """Say which other sites' scripts may read the answers of an endpoint.

    It holds instead of the app's `CORS_*` settings; without an origin none is allowed. It opens
    nothing else: unsafe requests still need to pass the CSRF check, and visitors their log-in.

    ```python
    @app.get("/prices")
    @cors("https://shop.example.com")
    async def prices(): ...
    ```

    Args:
        *origins: Scheme, host and port if need be: `"https://app.example.com"`,
            `"https://*.example.com"` for one label; `"*"` for all.
        methods: What may be used; by default what the path serves.
        headers: Request headers that a page may set.
        expose: Response headers that a page may read besides the usual ones.
        credentials: Whether cookies go along.
        max_age: Seconds for which a browser remembers the answer to a preflight.
        private_network: Whether public pages may reach this endpoint on a private address.
        origin_func: A `def` function `(origin, request) -> bool` for origins that are not listed;
            it must not block.

    Raises:
        TypeError: When an argument is a string instead of several.
        ValueError: When an origin, method or header is not one, or `"*"` meets credentials.
    """
    if any(callable(origin) for origin in origins):
        raise TypeError("cors takes origins: write @cors('https://app.example.com').")
    for name, value in (("methods", methods), ("headers", headers), ("expose", expose)):
        if isinstance(value, str):
            raise TypeError(f"cors: {name} is a list of names; write [{value!r}].")
    try:
        rules = CorsRules(
            origins=frozenset(origins),
            methods=None if methods is None else frozenset(name.upper() for name in methods),
            headers=frozenset(name.lower() for name in headers),
            expose=tuple(expose),
            credentials=bool(credentials),
            max_age=max_age,
            private_network=bool(private_network),
            origin_func=origin_func,
        )
    except ValueError as error:
        raise ValueError(f"cors: {error}.") from None
    return lambda handler: attach_policy(handler, Cors(rules))


class CorsGuard:
    """Answers preflights, and tells browsers who may read an answer.

    It never refuses a request other than a preflight: who may read is for the browser to enforce.
    """

    def __init__(self) -> None:
        self._app: Flasgo | None = None
        self._rules = CorsRules()
        # One entry per set of rules in the code; filled as they are met.
        self._blocks: dict[tuple[CorsRules, str], HeaderBlock] = {}

    def declare(self, registry: Registry) -> None:
        """Declare the settings, methods and policies of this concern."""
        registry.setting(
            "CORS_ORIGINS",
            set[str],
            default=set(),
            help="Origins whose scripts may read this app's answers, such as "
            "'https://app.example.com', or 'https://*.example.com' for one label; {'*'} for all.",
        )
        registry.setting(
            "CORS_ORIGIN_FUNC",
            object,
            default=None,
            help="A function (origin, request) -> bool, or its dotted name: may pages of an origin "
            "read that CORS_ORIGINS does not list? It must not block.",
            check=function_fault,
        )
        registry.setting(
            "CORS_METHODS",
            set[str] | None,
            default=None,
            help="Methods that a preflight may ask for; None is whatever the path serves.",
        )
        registry.setting(
            "CORS_HEADERS",
            set[str],
            default={"content-type"},
            help="Request headers that pages of CORS_ORIGINS may set, such as 'authorization'.",
        )
        registry.setting(
            "CORS_EXPOSE_HEADERS",
            set[str],
            default=set(),
            help="Response headers that pages of CORS_ORIGINS may read besides the usual ones.",
        )
        registry.setting(
            "CORS_CREDENTIALS",
            bool,
            default=False,
            help="Let cookies go along with requests from CORS_ORIGINS. Not together with {'*'}.",
        )
        registry.setting(
            "CORS_MAX_AGE_SECONDS",
            int,
            default=600,
            help="Seconds for which browsers remember the answer to a preflight.",
            check=lambda value: None if cast("int", value) >= 0 else "it must be 0 or more",
        )
        registry.setting(
            "CORS_PRIVATE_NETWORK",
            bool,
            default=False,
            help="Let pages of CORS_ORIGINS on the public internet reach this app where it runs "
            "on a private address.",
        )
        registry.app_method("cors", cors)
        registry.enforces(Cors)

    def configure(self, app: Flasgo) -> None:
        """Read the settings.

        Raises:
            SettingError: When they contradict each other.
        """
        settings = app.settings
        methods = cast("set[str] | None", settings["CORS_METHODS"])
        try:
            self._rules = CorsRules(
                origins=frozenset(cast("set[str]", settings["CORS_ORIGINS"])),
                methods=None if methods is None else frozenset(name.upper() for name in methods),
                headers=frozenset(
                    name.lower() for name in cast("set[str]", settings["CORS_HEADERS"])
                ),
                expose=tuple(sorted(cast("set[str]", settings["CORS_EXPOSE_HEADERS"]))),
                credentials=bool(settings["CORS_CREDENTIALS"]),
                max_age=cast("int", settings["CORS_MAX_AGE_SECONDS"]),
                private_network=bool(settings["CORS_PRIVATE_NETWORK"]),
                origin_func=check_function(named_function(settings["CORS_ORIGIN_FUNC"])),
            )
        except ValueError as error:
            raise SettingError(f"The settings CORS_*: {error}.", name="CORS_ORIGINS") from None
        self._app = app

    @property
    def rules(self) -> CorsRules:
        """The rules of the app, for endpoints without their own."""
        return self._rules

    def applies_to(self, route: Route) -> bool:
        """Whether there is anything to do for an endpoint, or for requests that reach none."""
        if route.is_websocket:
            return False
        if self._rules.is_on or route.policy(Cors) is not None:
            return True
        # Preflights of endpoints without an OPTIONS of their own arrive where nothing matches.
        return (
            not route.methods
            and self._app is not None
            and any(other.policy(Cors) is not None for other in self._app.routes)
        )

    # --- Preflights -------------------------------------------------------------------------

    def answer_preflight(self, request: Request) -> Response | None:
        """Answer a preflight (Fetch, section 4.8); None for every other request.

        Raises:
            HTTPException: 400 when the rules do not allow what is asked for.
        """
        if not _is_preflight(request):
            return None
        origin = _text(request, b"origin")
        method = _text(request, b"access-control-request-method")
        # A path that wants the other slash is answered with a redirect, which the page may follow.
        target = request.app.find_route(request, method, other_slash=True)
        rules = self._rules_of(target)
        if rules is None:
            return None  # to be answered like any other OPTIONS: without permission
        self._check_preflight(request, rules, target, origin, method)
        return self._permission(request, rules, origin, method)

    def _check_preflight(
        self, request: Request, rules: CorsRules, target: Route | None, origin: str, method: str
    ) -> None:
        if not rules.allows(origin, request):
            _refuse(f"Pages of {loggable(origin)} may not read this.")
        if target is None or (rules.methods is not None and method not in rules.methods):
            _refuse(f"The method {loggable(method)} is not allowed here from other origins.")
        asked = _requested_headers(request)
        refused = asked - rules.headers - _ALWAYS_ALLOWED_HEADERS
        if refused:
            names = loggable(", ".join(sorted(refused)))
            _refuse(f"These request headers are not allowed from other origins: {names}.")

    def _permission(self, request: Request, rules: CorsRules, origin: str, method: str) -> Response:
        response = Response(status_code=204)
        headers = response.headers
        headers["access-control-allow-methods"] = method
        asked = _requested_headers(request)
        if asked:
            headers["access-control-allow-headers"] = ", ".join(sorted(asked))
        headers["access-control-max-age"] = str(rules.max_age)
        if request.raw_header(b"access-control-request-private-network") == b"true":
            if rules.private_network:
                headers["access-control-allow-private-network"] = "true"
            headers.add_vary("Access-Control-Request-Private-Network")
        headers.add_vary("Access-Control-Request-Method", "Access-Control-Request-Headers")
        response.fill_headers(self._block(rules, origin))
        headers.add_vary("Origin")
        return response

    def _rules_of(self, route: Route | None) -> CorsRules | None:
        """Return the rules that hold for an endpoint; None when CORS is off for it."""
        own = None if route is None else route.policy(Cors)
        rules = self._rules if own is None else own.rules
        return rules if rules.is_on else None

    # --- Answers ----------------------------------------------------------------------------

    def mark(self, request: Request, response: Response) -> None:
        """Tell the browser whether the page that asked may read the answer."""
        route = request.route
        if route is not None and not route.methods:
            # Answered for want of a route: perhaps with a redirect to one with its own rules.
            route = request.app.find_route(request, other_slash=True)
        rules = self._rules_of(route)
        if rules is None or _is_preflight(request):
            return
        block = None
        if request.raw_header(b"origin") is not None:
            origin = _text(request, b"origin")
            if rules.allows(origin, request):
                block = self._block(rules, origin)
        if block is None:
            if rules.is_open:
                return
            # Also where there was no Origin: a cache would keep the answer for all.
            block = _VARY
        # PERF: most responses have none of these headers, so they go in as they are.
        if not response.fill_headers(block) and not rules.is_open:
            response.headers.add_vary("Origin")

    def _block(self, rules: CorsRules, origin: str) -> HeaderBlock:
        allowed = ANY if rules.is_open else origin
        block = self._blocks.get((rules, allowed))
        if block is None:
            pairs = {"Access-Control-Allow-Origin": allowed}
            if rules.credentials:
                pairs["Access-Control-Allow-Credentials"] = "true"
            if rules.expose:
                pairs["Access-Control-Expose-Headers"] = ", ".join(rules.expose)
            if not rules.is_open:
                pairs["Vary"] = "Origin"
            block = HeaderBlock(pairs)
            # As many entries as origins are listed as they are: clients choose the others.
            if rules.names(allowed):
                self._blocks[(rules, allowed)] = block
        return block


class CorsHooks:
    """The hooks of a `CorsGuard`, in the pipelines that have something to do with it.

    Args:
        guard: Knows which do: that depends on settings, so the hooks are made for it.
    """

    def __init__(self, guard: CorsGuard) -> None:
        @hookimpl(tryfirst=True, after=("security.hosts", "security.https"), when=guard.applies_to)
        def request_started(request: Request) -> Response | None:
            return guard.answer_preflight(request)

        @hookimpl(when=guard.applies_to)
        def response_finalize(request: Request, response: Response) -> None:
            guard.mark(request, response)

        self.request_started = request_started
        self.response_finalize = response_finalize


def _is_preflight(request: Request) -> bool:
    return (
        request.method == "OPTIONS"
        and request.raw_header(b"origin") is not None
        and request.raw_header(b"access-control-request-method") is not None
    )


def _text(request: Request, name: bytes) -> str:
    return (request.raw_header(name) or b"").decode("latin-1")


def _requested_headers(request: Request) -> frozenset[str]:
    value = request.raw_header(b"access-control-request-headers")
    if value is None:
        return frozenset()
    if len(value) > _LONGEST_REQUESTED_HEADERS:
        _refuse("Access-Control-Request-Headers is too long.")
    names = {name.strip().lower() for name in value.decode("latin-1").split(",")}
    return frozenset(names - {""})


def _refuse(detail: str) -> NoReturn:
    # 400 rather than 403: a visitor whose browser other sites make ask has failed nothing.
    raise HTTPException(400, detail, error="cors_refused")
