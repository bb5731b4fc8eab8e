"""sweepkit: distributed hyperparameter sweeps of Keras models on a Ray cluster."""

__version__ = "0.1.0"
