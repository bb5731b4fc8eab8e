"""Sweep package for film reviews, positive or negative: search space, data and model.

sweepkit imports `space`, `data` and `model` by name, each when it is needed; this module itself imports nothing.
"""
