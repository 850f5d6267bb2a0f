"""Numbers of classifiers: by hand, and beside scikit-learn and scipy."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom
from sklearn import metrics as oracle

from classifier import metrics
from classifier.report import measured, table
from classifier.temperature import fit_temperature, softmax
from landmarks.errors import InputError
from tests.labelled_faces import SHOWN, labelled

RNG = np.random.default_rng(0)
TRUTH = RNG.integers(0, 4, 300)
SAID = np.where(RNG.random(300) < 0.6, TRUTH, RNG.integers(0, 4, 300))
COUNTS = metrics.confusion_matrix(TRUTH, SAID, 4)


def test_they_agree_with_scikit_learn():
    assert (oracle.confusion_matrix(TRUTH, SAID) == COUNTS).all()
    assert metrics.accuracy(COUNTS) == pytest.approx(oracle.accuracy_score(TRUTH, SAID))
    assert metrics.balanced_accuracy(COUNTS) == pytest.approx(
        oracle.balanced_accuracy_score(TRUTH, SAID)
    )
    assert metrics.macro_f1(COUNTS) == pytest.approx(oracle.f1_score(TRUTH, SAID, average="macro"))


def test_classes_without_faces_count_nowhere():
    larger = metrics.confusion_matrix(TRUTH, SAID, 6)
    assert metrics.balanced_accuracy(larger) == metrics.balanced_accuracy(COUNTS)
    assert metrics.macro_f1(larger) == metrics.macro_f1(COUNTS)
    assert np.isnan(metrics.recalls(larger)[4:]).all()


def test_calibration_error_by_hand():
    # Bins of a third: two faces of confidence 0.9, one right; one of 0.6, right.
    shares = [[0.9, 0.1], [0.9, 0.1], [0.4, 0.6]]
    error = metrics.expected_calibration_error(shares, [0, 1, 1], bins=3)
    assert error == pytest.approx((abs(1 - 1.8) + abs(1 - 0.6)) / 3)
    # An edge belongs to the bin below it, a certainty to the last one.
    assert metrics.expected_calibration_error([[1.0, 0.0]], [0]) == 0
    edge = [[0.5, 0.3, 0.2], [0.45, 0.3, 0.25]]  # with four bins both lie in the second: 1 − 0.95
    assert metrics.expected_calibration_error(edge, [0, 1], bins=4) == pytest.approx(0.05 / 2)


def test_honest_probabilities_have_a_small_error_and_temperature_finds_them():
    shares = RNG.dirichlet([0.5] * 3, 20_000)
    labels = (RNG.random(20_000)[:, None] > shares.cumsum(1)).sum(1)
    assert metrics.expected_calibration_error(shares, labels) < 0.01
    sharp = 2.5 * np.log(shares + 1e-12)
    assert metrics.expected_calibration_error(softmax(sharp), labels) > 0.05
    # The floor is what honest probabilities get: much with few faces, little with many.
    floors = [metrics.calibration_error_floor(shares[:n], draws=20) for n in (200, 20_000)]
    assert floors[0] > 0.03 > 0.01 > floors[1] > 0
    honest = metrics.expected_calibration_error(shares, labels)
    assert honest == pytest.approx(floors[1], abs=0.003)
    found = fit_temperature(sharp, labels)
    assert found == pytest.approx(2.5, rel=0.05)
    assert metrics.expected_calibration_error(softmax(sharp, found), labels) < 0.01


def test_each_person_counts_alike_for_the_temperature():
    logits = np.tile([[2.0, 0.0]], (12, 1))
    labels = np.array([0, 0, 0, 1] + [1] * 8)  # four persons, then one with eight faces
    persons = [*"abcd", *"e" * 8]
    odds = 3 / 2  # of the five persons, three were told rightly
    assert fit_temperature(logits, labels, persons) == pytest.approx(2 / np.log(odds), rel=1e-3)
    assert fit_temperature(logits, labels) == pytest.approx(
        20, rel=1e-3
    )  # 3 of 12: as flat as can be


def test_mcnemar_is_the_exact_binomial_test():
    truth = np.zeros(20, int)
    one, other = truth.copy(), truth.copy()
    one[:2], other[1:10] = 1, 1  # one is wrong alone once, the other eight times
    test = metrics.mcnemar(truth, one, other)
    assert (test.only_first, test.only_second) == (8, 1)
    assert test.p == pytest.approx(2 * binom.cdf(1, 9, 0.5))
    assert metrics.mcnemar(truth, one, one).p == 1


def test_the_interval_is_over_persons():
    # Ten persons, all faces of each right or all wrong: faces would give a fifth of the width.
    persons = np.repeat(np.arange(10), 25)
    truth = np.zeros(250, int)
    said = (persons % 2).astype(int)
    found = metrics.bootstrap(metrics.accuracy, truth, said, persons.tolist(), 2)
    assert found.value == 0.5
    exact = binom.ppf([0.025, 0.975], 10, 0.5) / 10
    assert [found.low, found.high] == pytest.approx(exact, abs=0.11)
    single = metrics.bootstrap(metrics.accuracy, truth, said, list(range(250)), 2)
    assert single.high - single.low < 0.5 * (found.high - found.low)


def test_draws_that_lack_a_class_are_drawn_anew():
    # Two persons of forty show class 1: one draw of eight lacks them. Only they are told wrongly.
    truth = np.array([0] * 38 + [1] * 2)
    said = np.zeros(40, int)
    found = metrics.bootstrap(metrics.balanced_accuracy, truth, said, list(range(40)), 2)
    assert found == pytest.approx((0.5, 0.5, 0.5))
    each = metrics.confusion_by_person(truth, said, list(range(40)), 2)
    assert all(times[38:].any() and times.sum() == 40 for times in metrics.draw_persons(each))
    # Thirty classes that one person each shows are not had together in any reasonable time.
    lone = np.arange(30)
    none = metrics.bootstrap(metrics.accuracy, lone, lone, lone.tolist(), 30, draws=10)
    assert none.value == 1
    assert np.isnan([none.low, none.high]).all()


def test_a_difference_draws_the_same_persons_for_both():
    persons = np.repeat(np.arange(40), 5).tolist()
    truth = RNG.integers(0, 2, 200)
    wrong = np.where(np.arange(200) % 5 == 0, 1 - truth, truth)  # one face of each person
    found = metrics.bootstrap_difference(metrics.accuracy, truth, truth, wrong, persons, 2)
    assert found == pytest.approx((0.2, 0.2, 0.2))


def test_the_worst_are_found():
    assert metrics.worst_class(np.array([[3, 1], [1, 1]])) == (1, 0.5)
    persons = [*"aaaaabbbbbc"]
    right = [0] * 5 + [0, 0, 1, 1, 1] + [1]
    assert metrics.worst_person([0] * 11, right, persons) == ("b", 0.4, 5)
    assert metrics.worst_person([0], [0], ["a"]) is None


def test_the_table_names_the_worst_and_whom_nobody_knows():
    def lines(**changed):
        faces = replace(labelled("test", 2), **changed)  # 0, 1, 2, 0, 1, 2
        shares = np.eye(3)[[0, 1, 2, 0, 2, 2]]
        return table({"it": measured(shares, faces, SHOWN, draws=20)}, faces)

    known = lines(persons=("ann",) * 6)[-1]
    assert known.endswith("happiness 50, ann 83 (6 faces)")
    assert lines(persons=(None,) * 6)[-1].endswith("happiness 50; persons unknown")
    assert lines(persons=("ann",) * 5 + (None,))[-1].endswith("; persons partly unknown")


@pytest.mark.parametrize(
    ("truth", "said"), [([0, 1], [0]), ([], []), ([0, 4], [0, 0]), ([0.5], [0]), ([-1], [0])]
)
def test_what_are_no_classes_is_refused(truth, said):
    with pytest.raises(InputError):
        metrics.confusion_matrix(truth, said, 4)
