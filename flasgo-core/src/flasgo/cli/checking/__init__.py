"""What `flasgo check` writes: baselines, SARIF, and the report as a page."""
