"""Recurrent encoders of padded token rows: cells, pooling, and the requirements of cuDNN on a GPU.

Padding is handled by the length of each row, never by a Keras mask: a forward scan is causal, so padding after a row's
end cannot reach the states before it; the backward direction reverses each row inside its length; and pooling reads
only the steps inside the length. No mask reaches cuDNN, which fails on some masks.

    from sweepkit.nn.encoder import Encoder, encode
"""
