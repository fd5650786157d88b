"""PLUG-14: flasgo-opentelemetry over HTTP, installed from its wheel beside core alone."""

from __future__ import annotations

import json
import time
from pathlib import Path

import httpx2

from .reference_plugins import PATIENCE_SECONDS, MakeInstalled, serving

APP = """
import os

from flasgo import Flasgo
from flasgo_opentelemetry import trace_headers
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

if "TRACES" in os.environ:
    provider = TracerProvider()
    out = open("spans.jsonl", "a")
    line = lambda span: span.to_json(indent=None) + "\\n"
    exporter = ConsoleSpanExporter(out=out, formatter=line)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)

app = Flasgo()


@app.get("/users/<int:number>")
def user(number: int):
    return trace_headers()
"""
TRACE = "0af7651916cd43dd8448eb211c80319c"
HEADERS = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}


def test_traces_over_http(reference_plugin: MakeInstalled, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    installed = reference_plugin("flasgo-opentelemetry").environment
    with serving(installed, tmp_path, path="/users/0", TRACES="1") as (url, _):
        answer = httpx2.get(f"{url}/users/7", headers=HEADERS)
        assert answer.json()["traceparent"].split("-")[1] == TRACE
        spans = [json.loads(line) for line in _lines(tmp_path / "spans.jsonl", TRACE)]
    by_name = {span["name"]: span for span in spans}
    assert by_name["GET /users/<int:number>"]["attributes"]["http.response.status_code"] == 200
    parent = by_name["GET /users/<int:number>"]["context"]["span_id"]
    inner = [span for span in spans if span["parent_id"] == parent]
    assert {"handler app.user"} <= {span["name"] for span in inner}

    with serving(installed, tmp_path, path="/users/0") as (url, _):
        assert httpx2.get(f"{url}/users/7", headers=HEADERS).json() == {}


def _lines(path: Path, trace: str) -> list[str]:
    """Return the lines about a trace, once that of its request is there, which is the last."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = [line for line in path.read_text().splitlines() if trace in line]
        if any("GET /users" in line for line in found):
            return found
        time.sleep(0.05)
    return []
