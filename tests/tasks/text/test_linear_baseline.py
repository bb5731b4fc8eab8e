"""The linear baseline over rows whose answer is known, and over prepared data as a task reads it."""

from __future__ import annotations

import math
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from sweepkit.data.rows import Rows
from sweepkit.errors import DataError
from sweepkit.storage.storage import Storage
from sweepkit.tasks.requests import BaselineRequest
from sweepkit.tasks.text import predictions
from sweepkit.tasks.text.dataset import PreparedTexts
from sweepkit.tasks.text.vocabulary import END, UNKNOWN
from sweepkit.trial.checkpoint_ref import DataRef
from tests.support.made_up_texts import MadeUp, prepare

pytestmark = pytest.mark.tf

GOOD, BAD, NOT, FILM = 3, 4, 5, 6


@pytest.fixture(scope="module")
def linear() -> ModuleType:
    from sweepkit.tasks.text import linear_baseline  # here: it starts TensorFlow

    return linear_baseline


def request(storage: Storage, prepared: PreparedTexts, *, to: str) -> BaselineRequest:
    data = DataRef("imdb", {"source": "sample"}, prepared.manifest.key, storage.uri)
    return BaselineRequest(data, "linear", to)


def opinions(n: int, *, seed: int = 0) -> Rows:
    """Rows whose label only pairs can tell: "not good" is bad, "not bad" is good, and all words occur in both."""
    random = np.random.default_rng(seed)
    kinds = [
        ([NOT, BAD, FILM, GOOD], 1),
        ([GOOD, FILM, NOT, BAD], 1),
        ([NOT, GOOD, FILM, BAD], 0),
        ([BAD, NOT, GOOD], 0),
    ]
    chosen = [kinds[i] for i in random.integers(0, len(kinds), n).tolist()]
    return Rows.of([[*words, UNKNOWN, END] for words, _ in chosen], [label for _, label in chosen])


class TestFeatures:
    def test_words_and_neighbours_within_a_row_are_found_the_end_token_is_not(self, linear: ModuleType) -> None:
        row, key = linear.words_and_pairs(Rows.of([[7, 8, 9, END], [END], [9, 7, END]], [0, 0, 0]))
        assert list(zip(row.tolist(), key.tolist(), strict=True)) == [
            *[(0, 7), (0, 8), (0, 9), (2, 9), (2, 7)],
            *[(0, (7 << 32) + 8), (0, (8 << 32) + 9), (2, (9 << 32) + 7)],
        ]

    def test_what_occurs_in_one_row_only_is_left_out_however_often(self, linear: ModuleType) -> None:
        counts, known = linear.count_recurring(Rows.of([[7, 7, 7, 8, END], [8, 9, END], [END]], [0, 0, 0]))
        assert known.tolist() == [8]
        assert counts.toarray().tolist() == [[1.0], [1.0], [0.0]]

    def test_repetitions_are_counted(self, linear: ModuleType) -> None:
        rows = Rows.of([[7, 8, 7, 8, END], [7, 8, END]], [0, 0])
        counts, known = linear.count_recurring(rows)
        assert known.tolist() == [7, 8, (7 << 32) + 8]
        assert counts.toarray().tolist() == [[2, 2, 2], [1, 1, 1]]

    def test_other_rows_are_counted_by_the_same_features(self, linear: ModuleType) -> None:
        rows = opinions(40)
        counts, known = linear.count_recurring(rows)
        assert (linear.count(rows, known) != counts).nnz == 0
        strange = linear.count(Rows.of([[99, 98, END], [END], [NOT, 99, END]], [0, 0, 0]), known)
        assert strange.toarray().sum(axis=1).tolist() == [0, 0, 1]


class TestFit:
    def test_pairs_tell_what_words_cannot(self, linear: ModuleType) -> None:
        result, found = linear.fit(opinions(300), opinions(80, seed=1), n_labels=2)
        assert result.accuracy == found.accuracy == 1.0
        assert result.loss == found.loss < 0.3
        assert result.n_features > 5

    def test_of_equally_accurate_strengths_the_strongest_is_taken(self, linear: ModuleType) -> None:
        assert linear.fit(opinions(300), opinions(80, seed=1), n_labels=2)[0].c == 1.0

    def test_probabilities_are_those_of_logistic_regression(self, linear: ModuleType) -> None:
        """Every row of train is the same word, so only the share of labels is left to learn, and both rows say it."""
        train = Rows.of([[GOOD, END]] * 400, [0] * 100 + [1] * 300)
        _, found = linear.fit(train, Rows.of([[GOOD, END], [GOOD, BAD, END]], [1, 0]), n_labels=2)
        np.testing.assert_allclose(found.probabilities, [[0.25, 0.75]] * 2, atol=0.01)
        assert found.loss == pytest.approx(-(math.log(0.75) + math.log(0.25)) / 2, abs=0.02)

    def test_rows_without_a_word_are_predicted_too(self, linear: ModuleType) -> None:
        train = opinions(300)
        bare = Rows.of([[END], [END]], [0, 1])
        _, found = linear.fit(Rows.join([train, bare]), bare, n_labels=2)
        assert found.probabilities.shape == (2, 2)
        np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-6)
        assert found.accuracy == 0.5

    def test_the_same_rows_give_the_same_numbers(self, linear: ModuleType) -> None:
        train, valid = opinions(200), opinions(60, seed=2)
        first, second = linear.fit(train, valid, n_labels=2), linear.fit(train, valid, n_labels=2)
        assert first[0] == second[0]
        np.testing.assert_array_equal(first[1].probabilities, second[1].probabilities)

    def test_more_than_two_labels_one_of_them_not_in_train(self, linear: ModuleType) -> None:
        tokens = [[10 + label, 20 + i % 3, END] for i in range(60) for label in (0, 1, 3)]
        rows = Rows.of(tokens, [0, 1, 3] * 60)
        result, found = linear.fit(rows, rows, n_labels=4)
        assert result.accuracy == 1.0
        assert found.probabilities.shape == (180, 4)
        assert not found.probabilities[:, 2].any()
        np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-6)

    @pytest.mark.parametrize(
        ("tokens", "targets", "reason"),
        [
            ([[GOOD, END], [BAD, END]], [1, 1], "rows of two labels"),
            ([[GOOD, END], [BAD, END]], [0, 1], "words that occur in 2 rows"),
            ([[END], [END]], [0, 1], "words that occur in 2 rows"),
        ],
    )
    def test_a_train_split_with_nothing_to_learn_from_is_refused(
        self, linear: ModuleType, tokens: list[list[int]], targets: list[int], reason: str
    ) -> None:
        with pytest.raises(DataError, match=reason):
            linear.fit(Rows.of(tokens, targets), opinions(4), n_labels=2)


class TestTask:
    def test_predictions_of_validation_are_kept_in_the_order_of_its_rows(
        self, linear: ModuleType, tmp_path: Path
    ) -> None:
        from sweepkit.data.tfrecords import read_shards

        storage = Storage.at(str(tmp_path))
        prepared = prepare(storage, MadeUp(n_rows=400), package="imdb")
        task = request(storage, prepared, to="sweeps/cells/final/linear.parquet")
        result = linear.fit_linear(task)
        found = predictions.read(storage, task.to)
        np.testing.assert_array_equal(found.targets, read_shards(prepared.shards("valid")).targets)
        assert (result.accuracy, result.loss) == (found.accuracy, found.loss)

    def test_data_that_it_cannot_learn_from_is_named(
        self, linear: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        storage = Storage.at(str(tmp_path))
        prepared: PreparedTexts = prepare(storage, package="imdb")
        monkeypatch.setattr(linear, "_LEAST_ROWS", 10_000)
        task = request(storage, prepared, to="linear.parquet")
        with pytest.raises(DataError, match="words that occur in 10000 rows of train") as caught:
            linear.fit_linear(task)
        assert caught.value.issues[0].where == str(prepared.folder)
        assert not storage.exists("linear.parquet")
