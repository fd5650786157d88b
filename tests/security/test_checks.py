"""What `flasgo check` says."""


def codes(app, *, deploy: bool) -> set[str]:
    findings = [
        finding
        for answer in app.plugins.call_all("check_app", app, deploy)
        for finding in answer or ()
    ]
    assert all(finding.message and finding.fix for finding in findings)
    return {finding.code for finding in findings}


def test_the_defaults_are_fine(make_app):
    assert codes(make_app(), deploy=False) == set()
    assert codes(make_app(), deploy=True) == {"security.I001"}


def test_weak_settings_are_found(make_app):
    app = make_app(
        ALLOWED_HOSTS={"*"},
        CSRF_ENABLED=False,
        SESSION_COOKIE_HTTP_ONLY=False,
        SESSION_COOKIE_SECURE=False,
        CSRF_COOKIE_SECURE=False,
        CONTENT_SECURITY_POLICY=None,
        SECURITY_FAILURE_RATE_LIMIT=100,
    )
    always = {"security.W001", "security.W002", "security.W003"}
    assert codes(app, deploy=False) == always
    assert codes(app, deploy=True) == {*always, "security.W004", "security.E001"}
