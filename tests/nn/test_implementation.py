import numpy as np
import pytest

from tests.support.nn.models import batch_of, model_of

pytestmark = pytest.mark.tf


@pytest.fixture
def gpu(monkeypatch):
    """A GPU, as far as TensorFlow tells."""
    import tensorflow as tf

    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind=None: ["a GPU"] if kind == "GPU" else [])


def test_layers_are_fast_on_a_cpu_unless_stock_is_chosen():
    from sweepkit.nn import implementation

    assert implementation.uses_scan()
    implementation.select("stock")
    try:
        assert not implementation.uses_scan()
    finally:
        implementation.select("auto")
    assert implementation.uses_scan()


def test_a_choice_ends_with_its_block_even_if_that_fails():
    from sweepkit.nn import implementation

    def fail():
        with implementation.using("stock"):
            assert not implementation.uses_scan()
            with implementation.using("auto"):
                assert implementation.uses_scan()
            assert not implementation.uses_scan()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert implementation.uses_scan()


@pytest.mark.parametrize("wrong", ["fast", "", None])
def test_a_path_that_does_not_exist_is_refused_and_changes_nothing(wrong):
    from sweepkit.nn import implementation

    with pytest.raises(ValueError, match=f"nn must be one of auto, stock, got {wrong!r}"):
        implementation.select(wrong)
    with pytest.raises(ValueError, match="nn must be one of"), implementation.using(wrong):
        pass
    assert implementation.uses_scan()


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn", "ugrnn"])
def test_stock_is_keras_own_layer(cell):
    from sweepkit.nn import implementation
    from tests.support.nn.plain import layer

    rows = np.random.default_rng(0).normal(size=(2, 6, 4)).astype(np.float32)
    made = layer(cell, 3)
    expected = made(rows).numpy()
    model = model_of(cell, path="stock", pooling="max")
    assert not any(found.name == "distinct" for found in model.layers)
    ours = model.get_layer("layer_1_forward")
    ours.set_weights(made.get_weights())
    with implementation.using("stock"):
        np.testing.assert_array_equal(ours(rows), expected)
    assert (ours(rows).numpy() != expected).any()  # rounding tells that the scan computed this


def test_what_is_traced_stays_on_its_path():
    from sweepkit.nn import implementation

    model = model_of("rnn")
    rows, _ = batch_of(4, 5)
    before = model.predict_on_batch(rows)
    with implementation.using("stock"):
        np.testing.assert_array_equal(model.predict_on_batch(rows), before)


def test_a_gpu_in_sight_makes_all_layers_stock(gpu, caplog):
    from sweepkit.nn import implementation

    assert not implementation.uses_scan()
    with caplog.at_level("DEBUG", logger="sweepkit.nn.recurrent"):
        model = model_of("gru")
    assert not any(layer.name == "distinct" for layer in model.layers)
    assert "layer layer_1_forward is computed by stock Keras: nn is stock, or there is a GPU" in caplog.messages


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_on_a_gpu_lstm_and_gru_can_take_the_cudnn_path(cell, gpu):
    from sweepkit.nn.cudnn import problems

    assert problems(model_of(cell, layers=2, bidirectional=True, pooling="max", dropout=0.5)) == []
