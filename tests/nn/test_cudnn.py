"""The issues of layers and masks with cuDNN; neither the check nor its tests need a GPU."""

import pytest

pytestmark = pytest.mark.tf


def issues_of(model):
    from sweepkit.nn.cudnn import issues

    return issues(model)


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
    assert issues_of(keras.Sequential([layer])) == [expected]
    assert issues_of(keras.Sequential([keras.Input((5, 2)), keras.layers.Bidirectional(layer)]))[0].endswith(
        expected.split("'r'")[1]
    )


def test_every_reason_of_a_layer_is_an_issue():
    import keras

    assert len(issues_of(keras.layers.GRU(3, use_bias=False, unroll=True, reset_after=False))) == 3


def test_default_layers_and_other_spellings_of_their_activations_are_fine():
    import keras
    import tensorflow as tf

    spelt = {"activation": tf.tanh, "recurrent_activation": keras.ops.sigmoid}
    assert (
        issues_of(keras.Sequential([keras.layers.LSTM(3, return_sequences=True), keras.layers.GRU(3, **spelt)])) == []
    )


def test_layers_without_a_cudnn_kernel_are_not_refused():
    import keras

    from sweepkit.nn.ugrnn import UGRNNCell

    inputs = keras.Input((None, 2))
    states = keras.layers.SimpleRNN(3, return_sequences=True, activation="relu")(inputs)
    assert issues_of(keras.Model(inputs, keras.layers.RNN(UGRNNCell(3))(states))) == []


def test_a_cell_that_runs_step_by_step_is_an_issue():
    import keras

    layer = keras.layers.RNN([keras.layers.GRUCell(3), keras.layers.GRUCell(2)], name="r")
    assert issues_of(layer) == ["RNN 'r' runs GRUCell step by step; use keras.layers.GRU"]


def masked(layer):
    """Words through a masking embedding into `layer`."""
    import keras

    words = keras.Input((None,), dtype="int32")
    embedded = keras.layers.Embedding(9, 4, mask_zero=True, name="e")(words)
    return keras.Model(words, layer(keras.layers.Dropout(0.1)(embedded)))


MASKED = (
    "receives a mask from Embedding 'e': on a GPU, a left-padded row or a row of padding only stops training; "
    "use no mask and pool by sequence_length (sweepkit.nn.pooling)"
)


def test_a_mask_that_reaches_a_layer_is_an_issue_with_its_source():
    import keras

    assert issues_of(masked(keras.layers.LSTM(3, name="r"))) == [f"LSTM 'r' {MASKED}"]


# Keras warns that an inner model passes no mask on to later layers; the mask still reaches the inner layers
@pytest.mark.filterwarnings("ignore:Layer 'sequential.* was passed an input with a mask:UserWarning")
def test_a_mask_is_followed_into_wrappers_and_inner_models():
    import keras

    inner = keras.Sequential([keras.Input((None, 4)), keras.layers.GRU(3, name="r", return_sequences=True)])
    assert issues_of(masked(inner)) == [f"GRU 'r' {MASKED}"]
    wrapped = keras.layers.Bidirectional(keras.layers.GRU(3, name="r"))
    assert issues_of(masked(wrapped)) == [f"GRU 'forward_r' {MASKED}", f"GRU 'backward_r' {MASKED}"]


def test_a_mask_that_is_passed_by_hand_is_an_issue():
    import keras

    rows, mask = keras.Input((None, 4)), keras.Input((None,), dtype="bool")
    model = keras.Model([rows, mask], keras.layers.LSTM(3, name="r")(rows, mask=mask))
    assert "LSTM 'r' receives a mask from a custom layer" in issues_of(model)[0]


def test_a_mask_that_ends_at_pooling_is_not_an_issue():
    import keras

    words = keras.Input((None,), dtype="int32")
    embedded = keras.layers.Embedding(9, 4, mask_zero=True)(words)
    mean = keras.layers.GlobalAveragePooling1D()(embedded)
    rows = keras.layers.RepeatVector(5)(mean)
    assert issues_of(keras.Model(words, keras.layers.LSTM(3)(rows))) == []


@pytest.mark.parametrize("built", [False, True])
def test_a_masking_layer_before_a_layer_is_an_issue_whether_the_model_is_built_or_not(built):
    import keras

    model = keras.Sequential([keras.layers.Masking(name="m"), keras.layers.LSTM(3, name="r")])
    if built:
        model.build((None, 5, 2))
    assert len(issues_of(model)) == 1
    assert issues_of(model)[0].startswith("LSTM 'r' receives a mask from Masking 'm'")


@pytest.mark.parametrize(("mask_zero", "count"), [(True, 1), (False, 0)])
def test_masks_inside_a_subclassed_model_are_assumed_to_reach_its_layers(mask_zero, count):
    import keras

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.embedding = keras.layers.Embedding(9, 4, mask_zero=mask_zero)
            self.layers_in_a_list = [keras.layers.LSTM(3)]

    assert len(issues_of(Model())) == count
