"""Datasets as arrays: where they come from, formats, splits, what is wrong with them."""
