"""The Content-Security-Policy builder."""

from typing import cast

import pytest
from flasgo_security import ContentSecurityPolicy
from flasgo_security.csp import DEFAULT_POLICY, PolicyText


def test_it_is_built_from_text_mappings_keywords_and_policies():
    text = "default-src 'self'; img-src 'self' data:; upgrade-insecure-requests"
    policy = ContentSecurityPolicy(text)
    assert str(policy) == text
    assert policy.directives["img-src"] == ("'self'", "data:")
    same = ContentSecurityPolicy(
        {"default-src": "'self'", "img-src": ["'self'", "data:"], "upgrade-insecure-requests": ()}
    )
    by_name = ContentSecurityPolicy(
        default_src="'self'", img_src=["'self'", "data:"], upgrade_insecure_requests=""
    )
    assert policy == same == by_name == ContentSecurityPolicy(policy)
    assert hash(policy) == hash(same)
    assert repr(policy) == f"ContentSecurityPolicy({text!r})"
    assert policy != text
    assert not ContentSecurityPolicy()


def test_the_first_of_two_directives_counts_as_in_browsers():
    policy = ContentSecurityPolicy("img-src a.example;; IMG-SRC b.example; ")
    assert policy.directives["img-src"] in (("a.example",), ("b.example",))
    assert str(ContentSecurityPolicy("img-src a.example; img-src b.example")) == "img-src a.example"


def test_adding_begins_with_what_holds_already():
    policy = ContentSecurityPolicy("default-src 'self'; child-src c.example; script-src 'none'")
    add = policy.with_sources
    assert add("img-src", "i.example").directives["img-src"] == ("'self'", "i.example")
    assert add("frame-src", "f.example").directives["frame-src"] == ("c.example", "f.example")
    assert add("script-src", "s.example").directives["script-src"] == ("s.example",)
    assert add("form-action", "x.example").directives["form-action"] == ("x.example",)
    assert add("script-src", "'none'") == policy
    assert "img-src" not in policy.directives


def test_replacing_and_removing():
    policy = ContentSecurityPolicy("default-src 'self'; img-src data:")
    assert str(policy.replace("img_src", "'none'")) == "default-src 'self'; img-src 'none'"
    assert str(policy.without("img-src")) == "default-src 'self'"
    assert policy.without("font-src") == policy


def test_a_nonce_goes_to_scripts_and_styles():
    policy = DEFAULT_POLICY.with_nonce("abc")
    assert policy.directives["script-src"] == ("'self'", "'nonce-abc'")
    assert policy.directives["style-src"] == ("'self'", "'nonce-abc'")


def test_a_nonce_spares_unsafe_inline_and_what_is_unrestricted():
    policy = ContentSecurityPolicy("script-src 'none'; style-src 'unsafe-inline'")
    assert str(policy.with_nonce("n")) == "script-src 'nonce-n'; style-src 'unsafe-inline'"
    free = ContentSecurityPolicy("img-src 'self'")
    assert free.with_nonce("n") == free


def test_policy_text_equals_the_policy_with_that_nonce():
    for policy in (DEFAULT_POLICY, ContentSecurityPolicy("img-src *")):
        text = PolicyText(policy)
        assert text.plain == str(policy)
        assert text.with_nonce("abc") == str(policy.with_nonce("abc"))


@pytest.mark.parametrize(
    ("make", "advice"),
    [
        (lambda: ContentSecurityPolicy("scripts-src 'self'"), "Did you mean 'script-src'"),
        (lambda: ContentSecurityPolicy(image_src="*"), "is not a directive"),
        (lambda: ContentSecurityPolicy("default-src self"), "single quotes"),
        (lambda: ContentSecurityPolicy(default_src=["NONE"]), "single quotes"),
        (lambda: ContentSecurityPolicy(default_src=["a b"]), "cannot be a source"),
        (lambda: ContentSecurityPolicy(default_src=["a;b"]), "cannot be a source"),
        (lambda: ContentSecurityPolicy(default_src=["a,b"]), "cannot be a source"),
        (lambda: ContentSecurityPolicy(default_src=["a\r\nx: y"]), "cannot be a source"),
        (lambda: ContentSecurityPolicy(default_src=["é.example"]), "cannot be a source"),
        (lambda: ContentSecurityPolicy(default_src=[""]), "cannot be a source"),
        (lambda: ContentSecurityPolicy(default_src=cast("list[str]", [1])), "cannot be a source"),
        (lambda: DEFAULT_POLICY.with_sources("nothing", "x"), "is not a directive"),
        (lambda: DEFAULT_POLICY.with_nonce("a'; script-src *"), "cannot be a source"),
    ],
)
def test_mistakes_are_named(make, advice):
    with pytest.raises(ValueError, match=advice):
        make()


def test_words_of_other_directives_are_no_keywords():
    policy = "sandbox allow-scripts; trusted-types one 'none'; report-to self"
    assert str(ContentSecurityPolicy(policy)) == policy


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        # An -elem directive of its own hides script-src from elements.
        (
            "script-src 'self'; script-src-elem 'self'; style-src-elem https://a.example",
            "script-src 'self' 'nonce-n'; script-src-elem 'self' 'nonce-n'; "
            "style-src-elem https://a.example 'nonce-n'",
        ),
        ("script-src-elem 'none'", "script-src-elem 'nonce-n'"),
        # Nonces are nothing to attributes, and would switch 'unsafe-inline' off for them.
        (
            "script-src 'self'; script-src-attr 'unsafe-inline'; style-src-attr 'none'",
            "script-src 'self' 'nonce-n'; script-src-attr 'unsafe-inline'; style-src-attr 'none'",
        ),
        (
            "script-src 'unsafe-inline'; script-src-elem 'self'",
            "script-src 'unsafe-inline'; script-src-elem 'self' 'nonce-n'",
        ),
        (
            "script-src 'self'; script-src-elem 'unsafe-inline'",
            "script-src 'self' 'nonce-n'; script-src-elem 'unsafe-inline'",
        ),
        # 'unsafe-inline' for old browsers only: it is switched off already.
        (
            "script-src 'unsafe-inline' 'strict-dynamic'; style-src 'Unsafe-Inline' 'sha256-YQ=='",
            "script-src 'unsafe-inline' 'strict-dynamic' 'nonce-n'; "
            "style-src 'Unsafe-Inline' 'sha256-YQ==' 'nonce-n'",
        ),
        ("style-src 'UNSAFE-INLINE'", "style-src 'UNSAFE-INLINE'"),
    ],
)
def test_a_nonce_goes_to_elements(policy, expected):
    assert str(ContentSecurityPolicy(policy).with_nonce("n")) == expected


def test_contributed_sources_hold_for_elements_too():
    policy = ContentSecurityPolicy("script-src 'self'; script-src-elem 'self'; script-src-attr x")
    merged = policy.with_contributed("script-src", "https://a.example")
    assert str(merged) == (
        "script-src 'self' https://a.example; script-src-elem 'self' https://a.example; "
        "script-src-attr x"
    )
    assert "script-src-elem" not in DEFAULT_POLICY.with_contributed("script-src", "*").directives
