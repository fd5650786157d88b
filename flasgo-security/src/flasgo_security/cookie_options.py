"""How a cookie of this plugin is named and protected, as the settings say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict, cast

from flasgo import SettingError
from flasgo.plugin import LONGEST_SET_COOKIE, format_set_cookie

if TYPE_CHECKING:
    from flasgo import Registry, Response, Settings
    from flasgo.plugin import SameSite

__all__ = ["CookieAttributes", "CookieOptions", "cookie_fault"]

_RULES = ("Lax", "Strict", "None")


class CookieAttributes(TypedDict):
    """The attributes of a cookie, as `response.set_cookie` names them."""

    path: str
    domain: str | None
    secure: bool
    httponly: bool
    samesite: SameSite
    partitioned: bool


@dataclass(frozen=True)
class CookieOptions:
    """The name and attributes of one cookie.

    Attributes:
        name: Its name.
        secure: Whether it is for https only.
        http_only: Whether scripts cannot read it.
        samesite: Which requests from other sites carry it.
        domain: The domain whose subdomains get it; None for the host alone.
        path: The path prefix for which it is sent.
        partitioned: Whether browsers keep one for each site that embeds the app (CHIPS).
    """

    name: str
    secure: bool = True
    http_only: bool = True
    samesite: SameSite = "Lax"
    domain: str | None = None
    path: str = "/"
    partitioned: bool = False

    @staticmethod
    def declare(registry: Registry, prefix: str, purpose: str, *, http_only: bool) -> None:
        """Declare the settings `<prefix>_COOKIE_*` that every such cookie has.

        Args:
            registry: The registry of `plugin_setup`.
            prefix: The settings' prefix, such as `"SESSION"`.
            purpose: What the cookie is for, in a word.
            http_only: Whether scripts are kept from it by default.
        """
        registry.setting(
            f"{prefix}_COOKIE_NAME",
            str | None,
            default=None,
            help=f"Name of the {purpose} cookie; None is '__Host-{purpose}' where browsers allow "
            f"that prefix (Secure, path '/', no domain), else '{purpose}'.",
            check=lambda value: cookie_fault(name=value),
        )
        registry.setting(
            f"{prefix}_COOKIE_SECURE",
            bool,
            default=True,
            help=f"Send the {purpose} cookie over https only. False for development over http.",
        )
        registry.setting(
            f"{prefix}_COOKIE_HTTP_ONLY",
            bool,
            default=http_only,
            help=f"Hide the {purpose} cookie from scripts.",
        )
        registry.setting(
            f"{prefix}_COOKIE_SAMESITE",
            str,
            default="Lax",
            help=f"Which requests from other sites carry the {purpose} cookie: 'Lax', 'Strict' "
            "or 'None'.",
            check=_check_samesite,
        )
        registry.setting(
            f"{prefix}_COOKIE_PARTITIONED",
            bool,
            default=False,
            help=f"Have browsers keep one {purpose} cookie for each site that embeds this app "
            "(CHIPS); with SameSite 'None'.",
        )

    @classmethod
    def read(
        cls,
        settings: Settings,
        prefix: str,
        default_name: str,
        *,
        domain: str | None = None,
        path: str = "/",
    ) -> CookieOptions:
        """Read what `declare` declared.

        Args:
            settings: The app's settings.
            prefix: As in `declare`.
            default_name: The name without a prefix, for when none is set.
            domain: The domain whose subdomains get it; None for the host alone.
            path: The path prefix for which it is sent.

        Raises:
            SettingError: When the settings contradict each other: browsers would drop the cookie.
        """
        secure = bool(settings[f"{prefix}_COOKIE_SECURE"])
        name = cast("str | None", settings[f"{prefix}_COOKIE_NAME"])
        if name is None:
            can_have_prefix = secure and domain is None and path == "/"
            name = f"__Host-{default_name}" if can_have_prefix else default_name
        options = cls(
            name=name,
            secure=secure,
            http_only=bool(settings[f"{prefix}_COOKIE_HTTP_ONLY"]),
            samesite=cast("SameSite", str(settings[f"{prefix}_COOKIE_SAMESITE"]).capitalize()),
            domain=domain,
            path=path,
            partitioned=bool(settings[f"{prefix}_COOKIE_PARTITIONED"]),
        )
        try:
            format_set_cookie(name, "x", **options.attributes)
        except ValueError as error:
            raise SettingError(
                f"The settings {prefix}_COOKIE_* contradict each other: {error}",
                name=f"{prefix}_COOKIE_NAME",
            ) from None
        return options

    @property
    def attributes(self) -> CookieAttributes:
        """What `response.set_cookie` takes besides name, value and age."""
        return {
            "path": self.path,
            "domain": self.domain,
            "secure": self.secure,
            "httponly": self.http_only,
            "samesite": self.samesite,
            "partitioned": self.partitioned,
        }

    def room(self, max_age: int | None) -> int:
        """Return how many bytes its value may have.

        Args:
            max_age: As in `set`.
        """
        return LONGEST_SET_COOKIE - len(
            format_set_cookie(self.name, max_age=max_age, **self.attributes)
        )

    def set(self, response: Response, value: str, *, max_age: int | None = None) -> None:
        """Set the cookie in the client.

        Args:
            response: The response that carries it.
            value: Its value.
            max_age: Seconds until it expires; None is until the browser closes.
        """
        response.set_cookie(self.name, value, max_age=max_age, **self.attributes)

    def delete(self, response: Response) -> None:
        """Delete the cookie from the client."""
        response.delete_cookie(self.name, **self.attributes)


def cookie_fault(*, name: object = None, path: object = "/", domain: object = None) -> str | None:
    """Return what is wrong with one attribute of a cookie by itself, for a setting's check."""
    try:
        format_set_cookie(
            "x" if name is None else cast("str", name),
            path=cast("str", path),
            domain=cast("str | None", domain),
            secure=True,
        )
    except ValueError as error:
        return str(error)
    return None


def _check_samesite(value: object) -> str | None:
    if str(value).capitalize() in _RULES:
        return None
    return "write 'Lax', 'Strict' or 'None'"
