"""Features that come with core and are plugins like all others."""
