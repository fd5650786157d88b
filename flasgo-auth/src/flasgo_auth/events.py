"""What the `flasgo.security` log is told about denials, logins and logouts."""

from __future__ import annotations

import logging

from flasgo import Connection

from flasgo_auth.users import UserId

__all__ = ["is_heard", "note", "report", "report_failed_login", "tell"]

logger = logging.getLogger("flasgo.security")

_LONGEST_TEXT = 256


def report(
    event: str,
    request: Connection,
    *,
    reason: str,
    backends: str,
    user: UserId | None = None,
) -> None:
    """Log one denial, with its facts as attributes of the log record.

    Where the security plugin is active, the denial also counts against the client.

    SECURITY: headers, query and cookies stay out, since they carry credentials (CWE-532).

    Args:
        event: `auth.unauthenticated`, `auth.forbidden` or `auth.conflict`.
        request: The denied request.
        reason: The permission that was missing, or what else went wrong.
        backends: The names of the backends that could have recognised the user.
        user: The id of the user, where there is one.
    """
    _log(logging.WARNING, event, request, reason, backends, user)
    counted = getattr(request, "security_events", None)
    if isinstance(counted, list):
        add = getattr(counted, "tell", None)
        if add is None:
            counted.append(event)
        else:
            add(event, reason)


def report_failed_login(
    request: Connection, *, username: str | None = None, reason: str = "wrong name or password"
) -> None:
    """Report that somebody could not log in: to the log, to quotas and to other plugins.

    For log-in pages, which check passwords themselves. The log `flasgo.security` gets a warning,
    `SECURITY_FAILURE_RATE_LIMIT` counts it, and the hook `login_failed` is called.

    Args:
        request: The request.
        username: What the visitor called himself, for the hook. SECURITY: it is not logged, for
            people type their password there.
        reason: What was wrong, for the operator; never what was sent.
    """
    report("auth.login_failed", request, reason=reason, backends="")
    tell("login_failed", request, username, reason)


def tell(hook: str, request: Connection, *args: object) -> None:
    """Call one of the auth plugin's hooks that take note of something.

    Args:
        hook: Its name.
        request: The request.
        args: Its other arguments.
    """
    if is_heard(hook, request):
        request.app.plugins.notify(hook, request, *args)


def is_heard(hook: str, request: Connection) -> bool:
    """Return whether any plugin implements one of the auth plugin's hooks.

    Args:
        hook: Its name.
        request: The request.
    """
    plugins = request.app.plugins
    # An app without the plugin has no such hook.
    return ("hook", hook) in plugins.declarations.owners and plugins.is_implemented(hook)


def note(event: str, request: Connection, *, reason: str, user: UserId) -> None:
    """Log what went right, such as a login; it is not counted against a client.

    Args:
        event: `auth.login` or `auth.logout`.
        request: The request.
        reason: What happened.
        user: The id of the user.
    """
    _log(logging.INFO, event, request, reason, "", user)


def _log(
    level: int,
    event: str,
    request: Connection,
    reason: str,
    backends: str,
    user: UserId | None,
) -> None:
    if not logger.isEnabledFor(level):
        return
    path = _loggable(request.path)
    method = _loggable(request.method)
    client_ip = _loggable(request.client_ip or "unknown")
    logger.log(
        level,
        "Security event %s: %s (%s %s from %s)",
        event,
        reason,
        method,
        path,
        client_ip,
        extra={
            "event": event,
            "reason": reason,
            "client_ip": client_ip,
            "method": method,
            "path": path,
            "endpoint": None if request.route is None else request.route.endpoint,
            "backends": backends,
            "user": None if user is None else _loggable(str(user)),
        },
    )


def _loggable(text: str) -> str:
    # SECURITY: what a client wrote must not start a line of its own in the log (CWE-117).
    return ascii(text[:_LONGEST_TEXT])[1:-1]
