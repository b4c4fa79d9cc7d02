"""Data sets as arrays: where they come from, their formats, their splits."""

from inkdigits.data.known import Entry, catalogue
from inkdigits.data.source import fetch, load, splits

__all__ = ["Entry", "catalogue", "fetch", "load", "splits"]
