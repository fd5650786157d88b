"""Plugins whose modules do at their import what an import must not do."""
