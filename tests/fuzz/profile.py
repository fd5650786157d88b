"""How many examples are tried: few and always the same in CI, many and new ones by hand."""

import os

from hypothesis import HealthCheck, Phase, settings

# FUZZ_SCALE=50 tries fifty times as many examples, chosen anew each time.
SCALE = int(os.environ.get("FUZZ_SCALE", "1"))


def bounded(examples: int) -> settings:
    """Return the settings for so many examples."""
    return settings(
        max_examples=examples * SCALE,
        derandomize=SCALE == 1,
        database=None,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
