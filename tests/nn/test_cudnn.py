"""What the check says about layers and masks; no GPU is needed, as with the check itself."""

import pytest

pytestmark = pytest.mark.tf


def said(model):
    from sweepkit.nn.cudnn import problems

    return problems(model)


@pytest.mark.parametrize(
    ("kind", "arguments", "expected"),
    [
        ("LSTM", {"activation": "relu"}, "LSTM 'r' has activation='relu'; cuDNN computes tanh only"),
        ("GRU", {"activation": None}, "GRU 'r' has activation='linear'; cuDNN computes tanh only"),
        (
            "LSTM",
            {"recurrent_activation": "hard_sigmoid"},
            "LSTM 'r' has recurrent_activation='hard_sigmoid'; cuDNN computes sigmoid only",
        ),
        ("LSTM", {"use_bias": False}, "LSTM 'r' has use_bias=False; cuDNN needs the bias"),
        ("GRU", {"unroll": True}, "GRU 'r' has unroll=True; cuDNN takes the whole sequence"),
        (
            "LSTM",
            {"recurrent_dropout": 0.2},
            "LSTM 'r' has recurrent_dropout=0.2; drop between layers instead",
        ),
        (
            "GRU",
            {"reset_after": False},
            "GRU 'r' has reset_after=False; cuDNN resets after the product",
        ),
        ("GRU", {"use_cudnn": False}, "GRU 'r' has use_cudnn=False; leave it at 'auto'"),
    ],
)
def test_an_argument_that_cudnn_cannot_take_is_named(kind, arguments, expected):
    import keras

    layer = getattr(keras.layers, kind)(3, name="r", **arguments)
    assert said(keras.Sequential([layer])) == [expected]
    assert said(keras.Sequential([keras.Input((5, 2)), keras.layers.Bidirectional(layer)]))[0].endswith(
        expected.split("'r'")[1]
    )


def test_every_reason_of_a_layer_is_told():
    import keras

    assert len(said(keras.layers.GRU(3, use_bias=False, unroll=True, reset_after=False))) == 3


def test_default_layers_and_other_spellings_of_their_activations_are_fine():
    import keras
    import tensorflow as tf

    spelt = {"activation": tf.tanh, "recurrent_activation": keras.ops.sigmoid}
    assert said(keras.Sequential([keras.layers.LSTM(3, return_sequences=True), keras.layers.GRU(3, **spelt)])) == []


def test_layers_without_a_cudnn_kernel_are_not_refused():
    import keras

    from sweepkit.nn.ugrnn import UGRNNCell

    inputs = keras.Input((None, 2))
    states = keras.layers.SimpleRNN(3, return_sequences=True, activation="relu")(inputs)
    assert said(keras.Model(inputs, keras.layers.RNN(UGRNNCell(3))(states))) == []


def test_a_cell_that_is_run_step_by_step_is_told():
    import keras

    layer = keras.layers.RNN([keras.layers.GRUCell(3), keras.layers.GRUCell(2)], name="r")
    assert said(layer) == ["RNN 'r' runs GRUCell step by step; use keras.layers.GRU"]


def masked(layer):
    """Words through a masking embedding into `layer`."""
    import keras

    words = keras.Input((None,), dtype="int32")
    embedded = keras.layers.Embedding(9, 4, mask_zero=True, name="e")(words)
    return keras.Model(words, layer(keras.layers.Dropout(0.1)(embedded)))


HANDED = (
    "is handed a mask by Embedding 'e': on a GPU a left-padded row, or one of padding only, stops training; "
    "use no mask and pool by sequence_length (sweepkit.nn.pooling)"
)


def test_a_mask_that_reaches_a_layer_is_told_with_its_source():
    import keras

    assert said(masked(keras.layers.LSTM(3, name="r"))) == [f"LSTM 'r' {HANDED}"]


# Keras says that an inner model hands no mask on to what follows it; it does hand the mask to its own layers
@pytest.mark.filterwarnings("ignore:Layer 'sequential.* was passed an input with a mask:UserWarning")
def test_a_mask_is_followed_into_wrappers_and_inner_models():
    import keras

    inner = keras.Sequential([keras.Input((None, 4)), keras.layers.GRU(3, name="r", return_sequences=True)])
    assert said(masked(inner)) == [f"GRU 'r' {HANDED}"]
    wrapped = keras.layers.Bidirectional(keras.layers.GRU(3, name="r"))
    assert said(masked(wrapped)) == [f"GRU 'forward_r' {HANDED}", f"GRU 'backward_r' {HANDED}"]


def test_a_mask_that_is_passed_by_hand_is_told():
    import keras

    rows, mask = keras.Input((None, 4)), keras.Input((None,), dtype="bool")
    model = keras.Model([rows, mask], keras.layers.LSTM(3, name="r")(rows, mask=mask))
    assert "LSTM 'r' is handed a mask by a custom layer" in said(model)[0]


def test_a_mask_that_pooling_has_used_up_is_not_told():
    import keras

    words = keras.Input((None,), dtype="int32")
    embedded = keras.layers.Embedding(9, 4, mask_zero=True)(words)
    mean = keras.layers.GlobalAveragePooling1D()(embedded)
    rows = keras.layers.RepeatVector(5)(mean)
    assert said(keras.Model(words, keras.layers.LSTM(3)(rows))) == []


@pytest.mark.parametrize("built", [False, True])
def test_a_masking_layer_before_a_layer_is_told_whether_the_model_is_built_or_not(built):
    import keras

    model = keras.Sequential([keras.layers.Masking(name="m"), keras.layers.LSTM(3, name="r")])
    if built:
        model.build((None, 5, 2))
    assert len(said(model)) == 1
    assert said(model)[0].startswith("LSTM 'r' is handed a mask by Masking 'm'")


@pytest.mark.parametrize(("mask_zero", "count"), [(True, 1), (False, 0)])
def test_a_subclassed_model_that_makes_masks_is_suspected(mask_zero, count):
    import keras

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.embedding = keras.layers.Embedding(9, 4, mask_zero=mask_zero)
            self.layers_in_a_list = [keras.layers.LSTM(3)]

    assert len(said(Model())) == count
