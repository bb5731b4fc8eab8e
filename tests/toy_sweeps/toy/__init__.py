"""A sweep package for tests: tiny data that it makes itself, a tiny model, and parameters that make trials
misbehave."""
