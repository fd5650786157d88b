"""Formatters for logs: as text and as JSON, each record with the request that it belongs to.

`flasgo run --log-format text|json` uses them. Other servers take them through `logging.config`:

```python
LOGGING = {
    "version": 1,
    "formatters": {"json": {"()": "flasgo.serving.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
}
```
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

from flasgo.kernel.context import active_request

__all__ = [
    "ESCAPED",
    "JsonFormatter",
    "TextFormatter",
    "WithoutQuery",
    "log_config",
    "request_fields",
]

_EXTRA = ("status", "duration_ms", "client")
"""Attributes of access records that formatters write as they are."""

ESCAPED = {
    code: rf"\x{code:02x}" if code < 256 else rf"\u{code:04x}"
    for code in (*range(9), *range(11, 32), *range(127, 160), 0x2028, 0x2029)
} | {10: r"\n", 13: r"\r"}
"""What would begin a line, or change what a terminal shows; a tab stays."""

_EXTRA_OF_JSON = ("event", "plugin", "hook", "reason")
"""Attributes of records about denials and security events, whose messages say the same."""


def request_fields() -> dict[str, str]:
    """Return what identifies the current request: `request_id`, `method` and `route`.

    Empty outside of a request. The route is its rule, such as `/users/<int:id>`, so that lines of
    one route can be counted; an unmatched request has none.
    """
    request = active_request.get(None)
    if request is None:
        return {}
    fields = {"method": request.scope.get("method", "WEBSOCKET")}
    identifier = getattr(request, "id", None)
    if identifier is not None:
        fields["request_id"] = identifier
    route = request.route
    if route is not None and route.methods:
        fields["route"] = route.path
    return fields


def _time_of(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _fields_of(record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = request_fields()
    for name in _EXTRA:
        value = getattr(record, name, None)
        if value is not None:
            fields[name] = value
    return fields


class JsonFormatter(logging.Formatter):
    """Writes each record as one line of JSON.

    Members: `time` (UTC), `level`, `logger`, `message`; within a request `request_id`, `method`
    and `route`; for access records `status`, `duration_ms` and `client`; for denials and security
    events `event`, `plugin`, `hook` and `reason`; `exception` where one was logged.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as a line."""
        line: dict[str, Any] = {
            "time": _time_of(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_fields_of(record),
            **{name: getattr(record, name) for name in _EXTRA_OF_JSON if hasattr(record, name)},
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = self.formatStack(record.stack_info)
        return json.dumps(line, ensure_ascii=True, default=str)


class TextFormatter(logging.Formatter):
    """Writes `time level logger message key=value ...`; tracebacks follow on their own lines."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as text."""
        fields = " ".join(f"{name}={value}" for name, value in _fields_of(record).items())
        # A message of several lines would look like several records (CWE-117), and control
        # characters change what a terminal shows (CWE-150).
        message = record.getMessage().translate(ESCAPED)
        line = f"{_time_of(record)} {record.levelname} {record.name}: {message}"
        line = f"{line} {fields}" if fields else line
        if record.exc_info:
            line += _indented(self.formatException(record.exc_info))
        if record.stack_info:
            line += _indented(self.formatStack(record.stack_info))
        return line


def _indented(text: str) -> str:
    """Return lines that none can take for records: an exception's message may hold anything."""
    lines = text.split("\n")
    return "".join(f"\n  {line.translate(ESCAPED)}" for line in lines)


class WithoutQuery(logging.Filter):
    """Takes the query strings out of the server's own lines: they often hold tokens."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record of a request or a handshake, and let every record pass."""
        args = record.args
        # uvicorn: the client, the method, the target...; of a WebSocket the client, the target.
        place = 2 if record.name == "uvicorn.access" else 1
        if isinstance(args, tuple) and len(args) > place and ' - "' in record.msg:
            target = args[place]
            if isinstance(target, str) and "?" in target:
                record.args = (*args[:place], target.partition("?")[0], *args[place + 1 :])
        return True


def log_config(log_format: str, level: str = "INFO") -> dict[str, Any]:
    """Return the configuration of logging that `flasgo run --log-format` uses.

    Args:
        log_format: `text` or `json`.
        level: The level of the root logger.
    """
    formatter = "JsonFormatter" if log_format == "json" else "TextFormatter"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"flasgo": {"()": f"flasgo.serving.logs.{formatter}"}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "flasgo",
                "stream": "ext://sys.stderr",
            }
        },
        "root": {"handlers": ["stderr"], "level": level},
        # The app logs its own access lines; the server's would say everything twice.
        "loggers": {"uvicorn.access": {"level": "WARNING"}},
    }
