"""Recurrent encoders of padded token rows: cells, pooling, and what a GPU's cuDNN path asks of them.

Padding is handled by each row's own length, never by a Keras mask: a forward scan is causal, so what follows
a row's end cannot reach the states before it; the backward direction reverses each row inside its own length;
and pooling looks at a row's own steps only. So cuDNN, which fails on some masks, never meets one.

    from sweepkit.nn.encoder import Encoder, encode
"""
