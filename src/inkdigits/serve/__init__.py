"""Serving: the HTTP interface and the page, corrections, models that take over while it runs."""
