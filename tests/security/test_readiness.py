"""READY_PATH reports the shared stores of quotas and sessions (real Redis)."""

from __future__ import annotations

import time

import pytest


@pytest.mark.parametrize("setting", ["SESSION_STORE_URI", "RATELIMIT_STORAGE_URI"])
def test_a_store_that_stops_makes_the_app_unready_until_it_is_back(
    make_app, worker, redis, caplog, setting: str
) -> None:
    app = make_app(READY_PATH="/readyz", **{setting: redis.uri})
    client = worker(app)

    def status_after(action, wanted: int) -> int:
        action()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            time.sleep(1.1)  # answers are kept for a second
            status = client.get("/readyz").status_code
            if status == wanted:
                break
        return status

    assert client.get("/readyz").status_code == 200
    assert status_after(redis.stop, 503) == 503
    assert f"the store of {setting} does not answer" in caplog.text
    assert status_after(redis.start, 200) == 200
