"""A recogniser of handwritten digits that its user owns."""

__version__ = "0.1.0"
