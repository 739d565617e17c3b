"""The embedded data set."""

from __future__ import annotations

import numpy as np
import PIL
import pytest

from cifarcnn.data.cifar.facts import CIFAR10
from cifarcnn.data.dataset import Dataset, open_dataset
from cifarcnn.data.silhouettes import POSE_SIZE, draw_poses
from cifarcnn.data.synthetic import SCENES, SUBJECTS, SyntheticSource, draw_images


@pytest.fixture(scope="module")
def synthetic(shared_cache) -> Dataset:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CIFARCNN_CACHE", str(shared_cache))
        return open_dataset("synthetic", None)


def test_it_has_the_classes_of_cifar_10_in_equal_numbers(synthetic):
    training, validation = synthetic.training(0.1, seed=0)
    assert synthetic.class_names == CIFAR10.class_names
    assert training.images.shape == (9_000, 32, 32, 3)
    assert training.images.dtype == np.uint8
    for split, count in [(training, 900), (validation, 100), (synthetic.test(), 200)]:
        assert np.bincount(split.labels).tolist() == [count] * 10


def test_it_says_that_it_is_not_cifar_10(synthetic):
    assert synthetic.notice == "synthetic pictures drawn by code, not CIFAR-10"
    assert synthetic.origin == "drawn by code"
    assert synthetic.official is False


def test_the_same_seed_draws_the_same_images():
    first, again, other = (
        draw_images(500, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert np.array_equal(first.images, again.images)
    assert np.array_equal(first.labels, again.labels)
    assert not np.array_equal(first.images, other.images)


def test_the_measured_images_are_drawn_by_the_versions_they_were_drawn_by(synthetic):
    """What the header of quickstart.yaml says was measured on these."""
    measured = {
        ("2.4.6", "13.0.0"): (
            "27983c79d54238eab1ecbd534156ec7ab688318464d89ec1bf73c1ceb2252c78"
        )
    }
    known = measured.get((np.__version__, PIL.__version__), synthetic.checksum)
    assert synthetic.checksum == known


def test_test_images_are_not_among_the_training_images(synthetic):
    training = {image.tobytes() for image in synthetic.training(0, 0)[0].images}
    assert len(training) == 10_000
    assert not training & {image.tobytes() for image in synthetic.test().images}


def test_no_scene_belongs_to_one_class():
    for subject in SUBJECTS.values():
        assert set(subject.scenes) <= set(SCENES)
    for scene in SCENES:
        assert sum(scene in subject.scenes for subject in SUBJECTS.values()) >= 3


def test_another_pillow_or_numpy_draws_anew(monkeypatch):
    """What is drawn may differ; the checksum then tells a run that was begun before."""
    signatures = [SyntheticSource().signature()]
    for module in (PIL, np):
        monkeypatch.setattr(module, "__version__", "0.0")
        signatures.append(SyntheticSource().signature())
    assert signatures[0] != signatures[1] != signatures[2]


def test_every_pose_is_drawn_with_three_parts():
    poses = draw_poses()
    assert list(poses) == list(SUBJECTS)
    for name, images in poses.items():
        assert len(images) >= 2, name
        for image in images:
            pixels = np.asarray(image)
            assert pixels.shape == (POSE_SIZE, POSE_SIZE, 3)
            assert (pixels.reshape(-1, 3).max(axis=0) > 128).all(), name


def test_the_mean_image_does_not_give_the_class_away(synthetic):
    """Whoever compares with the mean of each class is mostly wrong."""
    training, test = synthetic.training(0, 0)[0], synthetic.test()
    flat = training.images.reshape(10_000, -1).astype(np.float32)
    means = np.stack(
        [flat[training.labels == label].mean(axis=0) for label in range(10)]
    )
    pixels = test.images.reshape(2_000, -1).astype(np.float32)
    distances = (means**2).sum(axis=1) - 2 * pixels @ means.T
    accuracy = float((distances.argmin(axis=1) == test.labels).mean())
    assert 0.1 < accuracy < 0.5
