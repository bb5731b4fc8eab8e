"""A loaded bundle: any string gets an answer or a clear word, and what is wrong with a folder is said."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sweepkit.bundle.manifest import CARD, CHECK, MANIFEST, MODEL
from sweepkit.errors import DataError
from sweepkit.tasks.text.bundle import VOCABULARY
from tests.support.bundles import VOCABULARY as KNOWN
from tests.support.bundles import WORDS, describer, random_rows, write_tiny_bundle

if TYPE_CHECKING:
    from sweepkit.tasks.text.classifier import TextModel

pytestmark = pytest.mark.tf
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def model(bundle: Path) -> TextModel:
    import sweepkit

    return sweepkit.load(bundle)


@pytest.fixture
def copy(bundle: Path, tmp_path: Path) -> Path:
    """A bundle to spoil."""
    return Path(shutil.copytree(bundle, tmp_path / "copy"))


class TestRead:
    def test_words_become_their_indexes_and_an_end(self, model: TextModel) -> None:
        read = model.read("Good film!")
        assert read.tokens == ("good", "film", "!", "<end>")
        assert read.indexes.tolist() == [KNOWN.index["good"], KNOWN.index["film"], KNOWN.index["!"], 2]
        assert read.indexes.dtype == np.int32
        assert (read.n_total, read.n_known) == (4, 3)

    def test_markup_entities_and_capitals_are_read_as_in_training(self, model: TextModel) -> None:
        assert model.read("<b>GOOD</b>&#33;<br/>").tokens == ("good", "!", "<end>")

    def test_unknown_words_are_counted(self, model: TextModel) -> None:
        read = model.read("good qwertz")
        assert (read.indexes.tolist(), read.n_known) == ([KNOWN.index["good"], 1, 2], 1)

    def test_the_tail_is_kept_with_the_end(self, model: TextModel) -> None:
        read = model.read(" ".join(["bad"] * 20 + ["good"]))
        assert read.tokens == ("bad",) * 10 + ("good", "<end>")
        assert (read.n_total, len(read.indexes)) == (22, 12)

    def test_the_head_is_kept_without_it(self, tmp_path: Path) -> None:
        import sweepkit

        write_tiny_bundle(tmp_path, cell="gru", keep="head", max_len=4)
        model = sweepkit.load(tmp_path)
        assert model.read("good bad film plot actor").tokens == ("good", "bad", "film", "plot")
        assert model.predict(["good bad film plot actor"])[0].note == "only the first 4 of 6 tokens were read"

    def test_a_text_cannot_spell_what_is_reserved(self, model: TextModel) -> None:
        assert 0 not in model.read("<pad> < pad > &lt;pad&gt;").indexes
        assert model.read("&lt;end&gt;").indexes.tolist()[:-1] == [1, 1, 1]

    def test_rows_are_cut_as_batches_of_training_are(self, model: TextModel) -> None:
        from sweepkit.data.batches import BatchSettings, eval_batches
        from sweepkit.data.rows import Rows

        text = " ".join(random.Random(0).choices(WORDS, k=40))
        tokens = [KNOWN.index[word] for word in text.split()]
        batch = next(eval_batches(Rows.of([[*tokens, 2]], [0]), BatchSettings(batch_size=1, max_len=12)))
        np.testing.assert_array_equal(model.read(text).indexes, batch.token_indexes[0])


class TestPredict:
    def test_the_label_is_the_most_probable_one(self, model: TextModel) -> None:
        for one in model.predict(["good film", "bad plot, very bad"]):
            assert one.note is None
            assert sum(one.probabilities) == pytest.approx(1)
            assert one.probability == max(one.probabilities)
            assert one.label == ("negative", "positive")[one.probabilities.index(one.probability)]

    @pytest.mark.parametrize("text", ["", " \n\t", "<br/><p>", "<!-- good -->", "&nbsp;", "\u2028\u3000"], ids=repr)
    def test_a_text_without_words_has_no_label_and_says_so(self, model: TextModel, text: str) -> None:
        from sweepkit.tasks.text.classifier import Prediction

        assert model.predict([text]) == [Prediction(None, None, (), "no words in it")]

    def test_a_long_text_is_cut_and_says_so(self, model: TextModel) -> None:
        assert model.predict(["good " * 1500])[0].note == "only the last 12 of 1,501 tokens were read"
        assert model.predict(["good " * 11])[0].note is None

    def test_unknown_words_only_are_answered_with_a_note(self, model: TextModel) -> None:
        one = model.predict(["qwertz asdf"])[0]
        assert one.label in ("negative", "positive")
        assert one.note == "none of its words is known"

    def test_several_notes_are_all_given(self, model: TextModel) -> None:
        note = model.predict(["good " + "qwertz " * 30])[0].note
        assert note == "only the last 12 of 32 tokens were read; none of its words is known"

    @pytest.mark.parametrize(
        "text",
        [
            "😀👩‍👩‍👧 🎬",
            "映画はとても良かった。",
            "فيلم جيد",
            "\ud800 good \udfff",
            "good\x00film\x00",
            "\x1b[31mgood\x07",
            "x" * 2_000_000,
            "&#" + "9" * 5_000 + "; good",
            "&#" + "0" * 5_000 + "65;",
            "&#xD800; &bogus; &#1114112;",
            "<" * 5_000,
            "\ufeffgood",
            "a\u0301" * 1_000,
        ],
        ids=lambda text: repr(text)[:20],
    )
    def test_strange_texts_are_answered(self, model: TextModel, text: str) -> None:
        one = model.predict([text])[0]
        assert one.label is not None
        assert 0 <= one.probability <= 1

    def test_random_characters_are_answered(self, model: TextModel) -> None:
        rng = random.Random(1)
        texts = ["".join(chr(rng.randrange(0x3000)) for _ in range(rng.randrange(60))) for _ in range(200)]
        assert len(model.predict(texts)) == 200

    def test_no_text_depends_on_its_neighbours(self, model: TextModel) -> None:
        rng = random.Random(2)
        texts = [" ".join(rng.choices(WORDS, k=rng.randrange(16))) for _ in range(60)]
        together = model.predict(texts, batch_size=7)
        alone = [model.predict([text])[0] for text in texts]
        assert [one.label for one in together] == [one.label for one in alone]
        assert [one.note for one in together] == [one.note for one in alone]
        for one, other in zip(together, alone, strict=True):
            np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-6)

    def test_more_labels_than_two(self, plain_network: Any, tmp_path: Path) -> None:
        import sweepkit
        from sweepkit.tasks.text.export import write_bundle
        from sweepkit.tasks.text.verification import check

        names = ("bad", "so-so", "good")
        rows = random_rows(20, max_len=8)
        describe = describer({"max_len": 8}, label_names=names)
        write_bundle(tmp_path, plain_network, vocabulary=KNOWN, check=rows, describe=describe)
        model = sweepkit.load(tmp_path)
        one = model.predict(["very good film"])[0]
        assert len(one.probabilities) == 3
        assert one.label == names[int(np.argmax(one.probabilities))]
        assert check(model, tmp_path) == model.manifest.check

    def test_progress_ends_at_all_texts(self, model: TextModel) -> None:
        seen: list[tuple[int, int]] = []
        model.predict(["good"] * 20 + [""], batch_size=2, progress=lambda *step: seen.append(step))
        assert seen[-1] == (21, 21)
        assert seen == sorted(seen)
        assert (18, 21) in seen  # of the second chunk, counted from the first text

    def test_no_texts_give_nothing(self, model: TextModel) -> None:
        assert model.predict([]) == []

    def test_a_single_string_is_a_mistake_that_is_said(self, model: TextModel) -> None:
        with pytest.raises(TypeError, match="takes a list of texts, got a single string"):
            model.predict("good film")

    def test_what_is_no_string_is_named(self, model: TextModel) -> None:
        with pytest.raises(TypeError, match="every text must be a string, text 1 is None"):
            model.predict(["good", None])  # type: ignore[list-item]


class TestLoad:
    def test_importing_sweepkit_imports_nothing_heavy(self) -> None:
        program = "import sys, sweepkit; sweepkit.load; print(*sys.modules)"
        done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
        assert {"keras", "tensorflow", "pyarrow", "numpy"}.isdisjoint(done.stdout.split())

    def test_a_fresh_process_gives_the_same_bits(self, model: TextModel, bundle: Path, tmp_path: Path) -> None:
        texts = ["good film", "bad bad plot!", "never again . the worst music", "x"]
        program = (
            "import json, sys, sweepkit\n"
            "model = sweepkit.load(sys.argv[1])\n"
            "print(json.dumps([one.probabilities for one in model.predict(json.loads(sys.argv[2]))]))"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, str(bundle), json.dumps(texts)],
            env={"PYTHONPATH": str(ROOT), "PATH": ""},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(done.stdout) == [list(one.probabilities) for one in model.predict(texts)]

    @pytest.mark.parametrize("name", [MODEL, VOCABULARY, CHECK, CARD])
    def test_a_missing_file_is_named(self, copy: Path, name: str) -> None:
        import sweepkit

        (copy / name).unlink()
        with pytest.raises(DataError, match=rf"{name}: this file of the bundle is missing; get the bundle again"):
            sweepkit.load(copy)

    @pytest.mark.parametrize("name", [MODEL, VOCABULARY, CHECK, CARD])
    def test_a_damaged_file_is_named(self, copy: Path, name: str) -> None:
        import sweepkit

        content = bytearray((copy / name).read_bytes())
        content[len(content) // 2] ^= 1
        (copy / name).write_bytes(content)
        with pytest.raises(DataError, match=rf"{name}: this file was damaged or changed, it differs from its checksum"):
            sweepkit.load(copy)

    def test_a_folder_that_is_no_bundle_is_said_to_be_none(self, tmp_path: Path) -> None:
        import sweepkit

        for folder in (tmp_path, tmp_path / "missing"):
            with pytest.raises(
                DataError, match=r"not a bundle: a complete bundle has a bundle\.json; `pull` and `final`"
            ):
                sweepkit.load(folder)

    def spoilt(self, copy: Path, change: Callable[[dict[str, Any]], object]) -> pytest.ExceptionInfo[DataError]:
        import sweepkit

        manifest = json.loads((copy / MANIFEST).read_text())
        change(manifest)
        (copy / MANIFEST).write_text(json.dumps(manifest))
        with pytest.raises(DataError) as caught:
            sweepkit.load(copy)
        return caught

    def test_another_format_asks_for_another_version(self, copy: Path) -> None:
        error = self.spoilt(copy, lambda manifest: manifest.update(format=2))
        assert error.match(r"must have format 1, this has 2: use the version of sweepkit that made it")

    def test_facts_that_are_no_facts_are_malformed(self, copy: Path) -> None:
        import sweepkit

        assert self.spoilt(copy, lambda manifest: manifest.pop("text")).match(
            "this is malformed: 'text'; get the bundle"
        )
        (copy / MANIFEST).write_text("{")
        with pytest.raises(DataError, match="this can't be read"):
            sweepkit.load(copy)
        (copy / MANIFEST).write_text("[]")
        with pytest.raises(DataError, match="must have format 1, this has None"):
            sweepkit.load(copy)

    def test_files_elsewhere_and_files_left_out_are_refused(self, copy: Path) -> None:
        assert self.spoilt(copy, lambda manifest: manifest["files"].update({"../x": "0"})).match(
            "the bundle's own files"
        )
        assert self.spoilt(copy, lambda manifest: manifest["files"].pop(MODEL)).match("the bundle's own files")

    def test_labels_that_are_not_the_networks_are_refused(self, copy: Path) -> None:
        error = self.spoilt(copy, lambda manifest: manifest.update(label_names=["a", "b", "c"]))
        assert error.match("must have one output a label, it has 1 and 3 label names")

    def test_layers_that_nobody_has_imported_are_named(self, tmp_path: Path) -> None:
        import keras

        import sweepkit
        from sweepkit.tasks.text.export import write_bundle

        @keras.saving.register_keras_serializable(package="strange")
        class Sum(keras.layers.Layer):
            def call(self, inputs: Any) -> Any:
                return keras.ops.sum(inputs, axis=1)

        tokens = keras.Input((None,), dtype="int32", name="token_indexes")
        lengths = keras.Input((), dtype="int32", name="sequence_length")
        answer = keras.layers.Dense(1, "sigmoid")(Sum()(keras.layers.Embedding(len(KNOWN), 2)(tokens)))
        network = keras.Model({"token_indexes": tokens, "sequence_length": lengths}, answer)
        describe = describer({"max_len": 8})
        write_bundle(tmp_path, network, vocabulary=KNOWN, check=random_rows(5, max_len=8), describe=describe)
        assert "It has custom layers, `strange>Sum`" in (tmp_path / CARD).read_text()
        registered = keras.saving.get_custom_objects().pop("strange>Sum")
        assert registered is Sum
        with pytest.raises(
            DataError, match=r"Sum.*exported with keras 3.15.1, this is .*if the package 'imdb' has layers of its own"
        ):
            sweepkit.load(tmp_path)
