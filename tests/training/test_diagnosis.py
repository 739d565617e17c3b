from __future__ import annotations

from dataclasses import replace

import pytest

from cifarcnn.config import load_config
from cifarcnn.config.shipped import shipped_names
from cifarcnn.training.diagnosis import Figures, diagnose, diagnose_first_epoch
from cifarcnn.training.observer import EpochRecord

NAMES = [f"c{number}" for number in range(10)]
LAYERS = "[Flatten, Dense: {units: 10, activation: softmax}]"


def epoch(
    number: int,
    loss: float,
    accuracy: float,
    val_loss: float | None = None,
    val_accuracy: float | None = None,
    rate: float = 0.001,
    seconds: float = 1.0,
) -> EpochRecord:
    return EpochRecord(
        number, loss, accuracy, val_loss, val_accuracy, rate, seconds, 1000.0
    )


@pytest.fixture
def figures(tmp_path):
    """Figures of a training of ten classes with 100 images each."""

    def figures(records, yaml="", counts=None, steps=1000, confusion=None):
        text = yaml if "model:" in yaml else f"{yaml}\nmodel: {{layers: {LAYERS}}}"
        path = tmp_path / "tried.yaml"
        path.write_text(text)
        return Figures(
            config=load_config(path),
            records=records,
            class_names=NAMES,
            class_counts=counts or [100] * 10,
            steps_per_epoch=steps,
            confusion=confusion,
        )

    return figures


def say(figures: Figures) -> list[str]:
    return [str(finding) for finding in diagnose(figures)]


GUESSING = [epoch(1, 2.31, 0.099, 2.3, 0.1), epoch(2, 2.303, 0.101, 2.3, 0.1)]
FINE = [epoch(1, 0.9, 0.7, 0.9, 0.69), epoch(2, 0.85, 0.71, 0.89, 0.7)]


def test_a_network_that_guesses_is_told_the_likely_causes(figures):
    assert say(figures(GUESSING)) == [
        "Nothing was learnt in 2 epochs: an accuracy of 10.1% is what guessing among "
        "10 classes gives (10.0%). Most often the learning rate is too high then (try "
        "a tenth of it); or too low (ten times as much). Try next: training: "
        "{optimizer: {Adam: {learning_rate: 0.0001}}}"
    ]


def test_pixels_as_they_are_are_a_likely_cause(figures):
    [said] = say(figures(GUESSING, "data: {normalization: none}"))
    assert said.endswith(
        "The pictures reach the layers as 0 to 255 (data.normalization: none), which "
        "is most often too large. Try next: data: {normalization: standard}"
    )


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        ("1.0", "too high then: 1, where 0.001 is usual for Adam."),
        ("0.0000001", "too low then: 1e-07, where 0.001 is usual for Adam."),
    ],
)
def test_a_rate_far_from_the_usual_one_is_named(figures, rate, said):
    records = [replace(r, learning_rate=float(rate)) for r in GUESSING]
    yaml = f"training: {{optimizer: {{Adam: {{learning_rate: {rate}}}}}}}"
    [found] = say(figures(records, yaml))
    assert said in found
    assert found.endswith("training: {optimizer: {Adam: {learning_rate: 0.001}}}")


def test_a_schedule_that_ends_at_nothing_is_no_low_rate(figures):
    [found] = say(figures([replace(r, learning_rate=0.0) for r in GUESSING]))
    assert "Most often the learning rate is too high then (try a tenth" in found


CONV = "Conv2D: {filters: 4, kernel_size: 3, padding: same, activation: relu%s}"
DEEP = "model: {layers: [Repeat: {times: 12, layers: [%s]}, Flatten, %s]}"
LAST = "Dense: {units: 10, activation: softmax}"


def test_a_deep_network_from_glorots_weights_needs_others(figures):
    [said] = say(figures(GUESSING, DEEP % (CONV % "", LAST)))
    assert said.endswith(
        "13 layers without normalization start from Glorot's weights "
        "(glorot_uniform), through which nothing comes at any learning rate. Give each "
        "of them he_normal, or BatchNormalization behind it. Try next: "
        "kernel_initializer: he_normal"
    )
    for cure in (CONV % ", kernel_initializer: he_normal",
                 CONV % "" + ", BatchNormalization"):  # fmt: skip
        [said] = say(figures(GUESSING, DEEP % (cure, LAST)))
        assert "Glorot" not in said


def test_chance_is_the_share_of_the_commonest_class(figures):
    counts = [910, *[10] * 9]
    records = [epoch(1, 0.5, 0.91, 0.5, 0.91)]
    [said] = say(figures(records, counts=counts))
    assert said.startswith(
        "Nothing was learnt in 1 epoch: an accuracy of 91.0% is what naming always "
        "'c0' gives (91.0%)."
    )
    # Of classes that weigh the same, no network falls back to that.
    assert say(figures(records, "training: {class_weights: balanced}", counts)) == []
    assert say(figures(records)) == []


def test_guessing_is_told_after_the_first_epoch(figures):
    found = diagnose_first_epoch(figures(GUESSING[:1]))
    assert found is not None
    assert found.text.startswith("Nothing was learnt in 1 epoch: an accuracy of 9.9%")
    assert diagnose_first_epoch(figures(FINE[:1])) is None


def test_of_a_hundred_classes_five_percent_are_learnt(figures):
    found = figures([epoch(1, 4.2, 0.05)], counts=[10] * 100)
    assert diagnose_first_epoch(found) is None


HEART = [
    epoch(1, 1.2, 0.6, 1.1, 0.62),
    epoch(2, 0.6, 0.8, 1.0, 0.68),
    epoch(3, 0.2, 0.95, 1.4, 0.7),
]


def test_learning_by_heart_is_named_with_its_epoch(figures):
    assert say(figures(HEART)) == [
        "The network learns the training pictures by heart: its accuracy is 95.0% "
        "there and 70.0% on validation. The gap is above 10 points since epoch 2, and "
        "the validation loss was lowest after epoch 2 of 3. Augmentation, Dropout, L2 "
        "regularizers, a smaller network or early stopping help. Try next: data: "
        "{augmentation: [RandomFlip, RandomTranslation: {pixels: 4}]}"
    ]


def test_what_a_config_has_already_is_not_its_next_line(figures):
    augmented = "data: {augmentation: [RandomFlip]}"
    [said] = say(figures(HEART, augmented))
    assert said.endswith("training: {early_stopping: {patience: 3}}")
    stopping = f"{augmented}\ntraining: {{early_stopping: {{patience: 3}}}}"
    [said] = say(figures(HEART, stopping))
    assert said.endswith("- Dropout: {rate: 0.5}")


def test_a_falling_loss_asks_for_more_epochs(figures):
    records = [epoch(1, 1.2, 0.6, 1.1, 0.62), epoch(2, 0.9, 0.7, 0.9, 0.69)]
    assert say(figures(records, "training: {epochs: 2}")) == [
        "The loss was still falling in the last epoch (1.100 to 0.900): more epochs "
        "would very likely help. Try next: training: {epochs: 4}"
    ]


def test_what_is_known_by_heart_needs_no_more_epochs_and_no_other_rate(figures):
    losses = [0.3, 0.002, 0.004, 0.001, 0.003, 0.0005]
    records = [epoch(n, loss, 1.0, loss, 1.0) for n, loss in enumerate(losses, 1)]
    assert say(figures(records)) == []
    # Lower than before, but not as low as once.
    records = [epoch(n, 0.9, 0.7, loss, 0.69) for n, loss in enumerate([0.9, 1, 0.95])]
    assert say(figures(records)) == []


def test_without_validation_the_training_loss_is_judged(figures):
    [said] = say(figures([epoch(1, 1.2, 0.6), epoch(2, 0.9, 0.7)]))
    assert said.startswith("The loss was still falling in the last epoch (1.200 to ")


def test_a_settled_training_needs_no_word(figures):
    assert say(figures(FINE)) == []
    assert say(figures(FINE[:1])) == []


def test_a_loss_that_jumps_speaks_of_the_rate(figures):
    losses = [1.5, 1.2, 1.4, 1.1, 1.3, 1.28]
    records = [epoch(n, loss, 0.5) for n, loss in enumerate(losses, 1)]
    assert say(figures(records)) == [
        "The training loss rose in 2 of 6 epochs, first in epoch 3: the learning rate "
        "(0.001) is most often too high then. Try next: training: {optimizer: {Adam: "
        "{learning_rate: 0.0003}}}"
    ]
    # A rate that rises again explains it.
    warm = [replace(r, learning_rate=0.001 * r.epoch) for r in records]
    assert say(figures(warm)) == []


def test_a_loss_that_creeps_speaks_of_a_low_rate(figures):
    records = [epoch(n, 2.3 - 0.03 * n, 0.2, rate=1e-5) for n in range(1, 4)]
    low = "training: {optimizer: {Adam: {learning_rate: 0.00001}}}"
    assert say(figures(records, low)) == [
        "The loss falls slowly but in every epoch (2.270 to 2.210 in 3), and the "
        "learning rate of 1e-05 is low: 0.001 is usual for Adam. Try next: training: "
        "{optimizer: {Adam: {learning_rate: 0.001}}}"
    ]
    assert say(figures([replace(r, learning_rate=0.001) for r in records])) == []


def matrix(answers: dict[int, int], support: int = 20) -> list[list[int]]:
    """Ten classes, each answered rightly but where ``answers`` names another."""
    rows = [[0] * 10 for _ in NAMES]
    for true in range(10):
        rows[true][answers.get(true, true)] = support
    return rows


def test_always_the_commonest_class_wants_class_weights(figures):
    counts = [400, *[40] * 9]
    always = matrix(dict.fromkeys(range(10), 0))
    assert say(figures(FINE, counts=counts, confusion=always)) == [
        "The answer is always 'c0', the commonest class: 200 of 200 validation "
        "pictures. 52.6% of the training pictures are of it, so that this accuracy is "
        "chance. Class weights make the rare classes count as much; a lower learning "
        "rate may help too. Try next: training: {class_weights: balanced}"
    ]


def test_a_class_that_is_never_answered_is_named(figures):
    lost = matrix({3: 5, 7: 5})
    [said] = say(figures(FINE, "training: {epochs: 2}", confusion=lost))
    assert said == (
        "'c3', 'c7' are never answered, though 40 validation pictures show them. Try "
        "next: training: {epochs: 4}"
    )
    [said] = say(figures(FINE, counts=[400, *[40] * 9], confusion=matrix({3: 5})))
    assert said == (
        "'c3' is never answered, though 20 validation pictures show it. Try next: "
        "training: {class_weights: balanced}"
    )
    # Of two pictures that is chance.
    assert say(figures(FINE, confusion=matrix({3: 5}, support=2))) == []


def test_averages_that_have_not_settled_are_no_overfitting(figures):
    network = f"model: {{layers: [BatchNormalization, Flatten, {LAST}]}}"
    assert say(figures(HEART, network, steps=20)) == [
        "The averages of batch normalization, which validation and predict use, have "
        "not settled: after 60 steps with momentum 0.99, 55% of them is still what "
        "they began with (accuracy 95.0% in training, 70.0% on validation). More steps "
        "or a lower momentum help. Try next: - BatchNormalization: {momentum: 0.9}"
    ]
    [said] = say(figures(HEART, network, steps=1000))
    assert "by heart" in said


def test_time_outside_the_steps_is_told(figures):
    # 1,000 images in a second, and nine beside them.
    slow = [replace(FINE[1], epoch=n, duration_seconds=10.0) for n in (1, 2, 3)]
    assert say(figures(slow)) == [
        "Of the 10.0 s of an epoch 9.0 s are spent outside the steps: on validation "
        "and on saving. Fewer validation pictures take less. Try next: data: "
        "{validation_fraction: 0.05}"
    ]
    assert say(figures([replace(r, duration_seconds=1.2) for r in slow])) == []


@pytest.mark.parametrize("records", [GUESSING, HEART, FINE])
def test_every_line_can_be_tried(figures, tmp_path, records):
    lost = matrix({3: 5})
    found = diagnose(figures(records, confusion=lost))
    assert found
    for finding in found:
        tried = tmp_path / "next.yaml"
        tried.write_text(f"extends: tried.yaml\n{finding.line}\n")
        assert load_config(tried) != load_config(tmp_path / "tried.yaml")


def test_an_ordinary_course_of_a_shipped_config_needs_no_word():
    records = [
        epoch(1, 1.6, 0.42, 1.3, 0.54, 0.001),
        epoch(2, 1.2, 0.58, 1.1, 0.62, 0.001),
        epoch(3, 1.0, 0.65, 0.99, 0.66, 0.0005),
        epoch(4, 0.96, 0.67, 0.97, 0.67, 0.0001),
    ]
    names = [name for name in shipped_names() if name not in ("transfer-inception",)]
    assert len(names) > 5
    for name in names:
        config = load_config(name)
        if (config.class_count or 10) != 10:
            continue
        figures = Figures(config, records, NAMES, [4500] * 10, 352, matrix({}, 500))
        assert diagnose(figures) == (), name
