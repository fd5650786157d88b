"""Content-Security-Policy: a builder, and the text of a policy with a request's nonce."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from flasgo.plugin import did_you_mean

__all__ = ["DEFAULT_POLICY", "ContentSecurityPolicy", "PolicyText", "Sources"]

Sources = str | Iterable[str]
"""The sources of a directive: a list, or a string with blanks between them."""

_NONE = "'none'"
_UNSAFE_INLINE = "'unsafe-inline'"

# The directive whose sources hold where a directive is absent (CSP 3, section 6.8.1).
_FALLBACKS = {
    "child-src": "default-src",
    "connect-src": "default-src",
    "font-src": "default-src",
    "frame-src": "child-src",
    "img-src": "default-src",
    "manifest-src": "default-src",
    "media-src": "default-src",
    "object-src": "default-src",
    "script-src": "default-src",
    "script-src-attr": "script-src",
    "script-src-elem": "script-src",
    "style-src": "default-src",
    "style-src-attr": "style-src",
    "style-src-elem": "style-src",
    "worker-src": "child-src",
}
_DIRECTIVES = frozenset(_FALLBACKS) | {
    "base-uri",
    "default-src",
    "fenced-frame-src",
    "form-action",
    "frame-ancestors",
    "report-to",
    "report-uri",
    "require-trusted-types-for",
    "sandbox",
    "trusted-types",
    "upgrade-insecure-requests",
}
# Keywords that mean something else, namely a host, when their quotes are forgotten.
_KEYWORDS = frozenset(
    {
        "self",
        "none",
        "unsafe-inline",
        "unsafe-eval",
        "unsafe-hashes",
        "strict-dynamic",
        "report-sample",
        "wasm-unsafe-eval",
        "inline-speculation-rules",
    }
)
_UNQUOTED_DIRECTIVES = frozenset({"report-to", "require-trusted-types-for", "sandbox"})
# Nonces are on elements: those of `-attr` directives would match nothing, and switch off
# 'unsafe-inline' for handlers such as onclick (CSP 3, section 6.7.3.2).
_NONCE_DIRECTIVES = ("script-src", "style-src")
_ELEMENT_DIRECTIVES = {"script-src": "script-src-elem", "style-src": "style-src-elem"}
_NONCE_OR_HASH = ("'nonce-", "'sha256-", "'sha384-", "'sha512-")
_SOURCE = re.compile(r"[!-+\--:<-~]+")
_PLACEHOLDER = "flasgo-nonce-goes-here"


class ContentSecurityPolicy:
    """An immutable Content-Security-Policy; each method returns a new one.

    ```python
    policy = (
        ContentSecurityPolicy(default_src=["'self'"], object_src="'none'")
        .with_sources("img-src", "https://images.example.com")
        .without("object-src")
    )
    ```

    Args:
        directives: A header value (`"default-src 'self'; img-src *"`), a mapping of directives to
            sources, or another policy.
        **by_name: Directives with `_` in place of `-`; they replace those of `directives`.

    Raises:
        ValueError: When a directive is unknown, or a source could not be sent as one.
    """

    __slots__ = ("_directives",)

    _directives: dict[str, tuple[str, ...]]

    def __init__(
        self,
        directives: ContentSecurityPolicy | Mapping[str, Sources] | str = "",
        /,
        **by_name: Sources,
    ) -> None:
        if isinstance(directives, ContentSecurityPolicy):
            found: Mapping[str, Sources] = directives.directives
        elif isinstance(directives, str):
            found = _parse(directives)
        else:
            found = directives
        self._directives = {
            _directive(name): _sources(name, sources)
            for name, sources in [*found.items(), *by_name.items()]
        }

    @property
    def directives(self) -> dict[str, tuple[str, ...]]:
        """The sources of each directive."""
        return dict(self._directives)

    def with_sources(self, directive: str, *sources: str) -> ContentSecurityPolicy:
        """Return the policy with sources added to a directive.

        An absent directive begins with the sources that hold in its place (those of
        `default-src`, mostly), so that adding never takes something away.

        Args:
            directive: Its name, such as `"img-src"`.
            *sources: What to allow besides.
        """
        name = _directive(directive)
        present = self.sources_of(name)
        added = [source for source in _sources(name, sources) if source not in present]
        if not added and name in self._directives:
            return self
        kept = tuple(source for source in present if source != _NONE) if added else present
        return self.replace(name, *kept, *added)

    def replace(self, directive: str, *sources: str) -> ContentSecurityPolicy:
        """Return the policy with the sources of a directive replaced.

        Args:
            directive: Its name.
            *sources: All its sources; none at all for directives without any.
        """
        return ContentSecurityPolicy({**self._directives, directive.replace("_", "-"): sources})

    def without(self, directive: str) -> ContentSecurityPolicy:
        """Return the policy without a directive."""
        name = _directive(directive)
        return ContentSecurityPolicy(
            {other: sources for other, sources in self._directives.items() if other != name}
        )

    def with_nonce(self, nonce: str) -> ContentSecurityPolicy:
        """Return the policy with scripts and styles that carry a nonce allowed.

        It goes into `script-src` and `style-src`, and into `script-src-elem` and `style-src-elem`
        where the policy has these. A directive that allows all inline code by `'unsafe-inline'`
        stays as it is: a nonce would switch that off.

        Args:
            nonce: The value of the `nonce` attribute of the elements, made for one response.
        """
        source = f"'nonce-{nonce}'"
        policy = self
        for name in _NONCE_DIRECTIVES:
            if self.restricts(name) and not _allows_all_inline(name, self.sources_of(name)):
                policy = policy.with_sources(name, source)
            element = _ELEMENT_DIRECTIVES[name]
            own = self._directives.get(element)
            if own is not None and not _allows_all_inline(name, own):
                policy = policy.with_sources(element, source)
        return policy

    def with_contributed(self, directive: str, *sources: str) -> ContentSecurityPolicy:
        """Return the policy with sources that hold for elements even where those have their own.

        Args:
            directive: Its name; those of `script-src` go into `script-src-elem` as well, where
                the policy has it, and those of `style-src` into `style-src-elem`.
            *sources: What to allow besides.
        """
        policy = self.with_sources(directive, *sources)
        element = _ELEMENT_DIRECTIVES.get(_directive(directive))
        if element in self._directives:
            policy = policy.with_sources(element, *sources)
        return policy

    def restricts(self, name: str) -> bool:
        """Whether the policy says anything about a directive, itself or through a fallback.

        Args:
            name: The directive, such as `"script-src"`.
        """
        step: str | None = name
        while step is not None:
            if step in self._directives:
                return True
            step = _FALLBACKS.get(step)
        return False

    def sources_of(self, name: str) -> tuple[str, ...]:
        """Return the sources that hold for a directive: its own, or those of its fallback.

        Args:
            name: The directive, such as `"script-src"`.
        """
        step: str | None = name
        while step is not None:
            if step in self._directives:
                return self._directives[step]
            step = _FALLBACKS.get(step)
        return ()

    def __str__(self) -> str:
        return "; ".join(" ".join((name, *sources)) for name, sources in self._directives.items())

    def __repr__(self) -> str:
        return f"ContentSecurityPolicy({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, ContentSecurityPolicy):
            return self._directives == other._directives
        return NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self._directives.items()))

    def __bool__(self) -> bool:
        return bool(self._directives)


class PolicyText:
    """The header value of one policy, ready for any nonce.

    Args:
        policy: The policy.
    """

    __slots__ = ("_parts", "plain")

    def __init__(self, policy: ContentSecurityPolicy) -> None:
        self.plain = str(policy)
        self._parts = str(policy.with_nonce(_PLACEHOLDER)).split(_PLACEHOLDER)

    def with_nonce(self, nonce: str) -> str:
        """Return the header value that allows elements with this nonce."""
        return nonce.join(self._parts)


def _allows_all_inline(kind: str, sources: tuple[str, ...]) -> bool:
    """Whether `'unsafe-inline'` is in force (CSP 3, section 6.7.3.2)."""
    words = {source.lower() for source in sources}
    if _UNSAFE_INLINE not in words or any(word.startswith(_NONCE_OR_HASH) for word in words):
        return False
    return not (kind == "script-src" and "'strict-dynamic'" in words)


def _parse(text: str) -> dict[str, Sources]:
    directives: dict[str, Sources] = {}
    for part in text.split(";"):
        words = part.split()
        if words:
            directives.setdefault(words[0], words[1:])  # the first one of a name counts
    return directives


def _directive(name: str) -> str:
    """Return the canonical name of a directive, or say what is wrong with it."""
    canonical = name.strip().lower().replace("_", "-") if isinstance(name, str) else name
    if canonical not in _DIRECTIVES:
        raise ValueError(
            f"{name!r} is not a directive of Content-Security-Policy."
            f"{did_you_mean(str(name), _DIRECTIVES)} "
            f"Directives are: {', '.join(sorted(_DIRECTIVES))}."
        )
    return canonical


def _sources(directive: str, sources: Sources) -> tuple[str, ...]:
    """Return the sources of a directive as a tuple, each checked and none twice."""
    items = sources.split() if isinstance(sources, str) else list(sources)
    for source in items:
        if not isinstance(source, str) or _SOURCE.fullmatch(source) is None:
            raise ValueError(
                f"{source!r} cannot be a source of {directive!r}: a source is printable ASCII "
                "without blanks, commas and semicolons; percent-encode those in URLs."
            )
        if source.lower() in _KEYWORDS and directive.replace("_", "-") not in _UNQUOTED_DIRECTIVES:
            raise ValueError(
                f"{source!r} as a source of {directive!r} would be a host of that name; write "
                f"\"'{source}'\", with the single quotes, for the keyword."
            )
    return tuple(dict.fromkeys(items))


DEFAULT_POLICY = ContentSecurityPolicy(
    {
        "default-src": "'self'",
        "object-src": _NONE,
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": _NONE,
    }
)
"""What holds where `CONTENT_SECURITY_POLICY` is not set: own origin, no plugins, no framing."""
