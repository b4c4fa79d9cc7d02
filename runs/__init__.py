"""How the shipped weights were made: one script each, rerunnable."""
