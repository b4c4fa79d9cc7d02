"""Exit statuses that have a name."""

INTERRUPTED = 130
"""After Ctrl-C, as shells have it."""
