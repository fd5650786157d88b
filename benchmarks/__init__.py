"""Benchmarks: what a request, a route look-up and a start cost, here and in other frameworks.

Run them with `uv run --group benchmarks python -m benchmarks`. Every number of a run is taken on
one machine, in one go, with the contestants taking turns; compare ratios, not runs.
"""
