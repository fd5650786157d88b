"""The plugin platform: finding, loading, ordering and listing plugins, and what they declare."""
