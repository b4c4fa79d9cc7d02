"""The figures that the README claims, measured side by side."""
