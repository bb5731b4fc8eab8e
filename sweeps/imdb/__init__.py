"""Sweep package: is a film review positive or negative? What may vary, the data, and the model.

The framework imports `space`, `data` and `model` by name, each only when it is needed; this module itself
imports nothing.
"""
