import numpy as np
import pytest

from tests.support.nn.models import batch_of, model_of

pytestmark = pytest.mark.tf


@pytest.fixture
def gpu(monkeypatch):
    """A GPU in TensorFlow's list of devices."""
    import tensorflow as tf

    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind=None: ["a GPU"] if kind == "GPU" else [])


def test_layers_use_the_scan_on_a_cpu_unless_stock_is_selected():
    from sweepkit.nn import implementation

    assert implementation.uses_scan()
    implementation.select("stock")
    try:
        assert not implementation.uses_scan()
    finally:
        implementation.select("auto")
    assert implementation.uses_scan()


def test_a_selection_ends_with_its_block_even_on_an_exception():
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
def test_an_unknown_implementation_is_refused_and_changes_nothing(wrong):
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
    assert not any(one.name == "distinct" for one in model.layers)
    ours = model.get_layer("layer_1_forward")
    ours.set_weights(made.get_weights())
    with implementation.using("stock"):
        np.testing.assert_array_equal(ours(rows), expected)
    assert (ours(rows).numpy() != expected).any()  # the scan rounds differently


def test_a_traced_function_keeps_its_implementation():
    from sweepkit.nn import implementation

    model = model_of("rnn")
    rows, _ = batch_of(4, 5)
    before = model.predict_on_batch(rows)
    with implementation.using("stock"):
        np.testing.assert_array_equal(model.predict_on_batch(rows), before)


def test_with_a_gpu_all_layers_are_stock(gpu, caplog):
    from sweepkit.nn import implementation

    assert not implementation.uses_scan()
    with caplog.at_level("DEBUG", logger="sweepkit.nn.recurrent"):
        model = model_of("gru")
    assert not any(layer.name == "distinct" for layer in model.layers)
    assert "layer layer_1_forward is computed by stock Keras: nn is stock, or there is a GPU" in caplog.messages


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_on_a_gpu_lstm_and_gru_can_use_cudnn(cell, gpu):
    from sweepkit.nn.cudnn import issues

    assert issues(model_of(cell, layers=2, bidirectional=True, pooling="max", dropout=0.5)) == []
