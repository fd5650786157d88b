"""Quotas and throttling, per process or shared by many."""
