"""The layer ``Pretrained`` in a config: what is checked without Keras."""

from __future__ import annotations

from pathlib import Path

import pytest

from cifarcnn.config.loading import Checked, check_config
from cifarcnn.config.summary import summarize
from cifarcnn.training.memory_check import least_bytes_of_image


def read(
    folder: Path,
    *layers: str,
    data: str = "{dataset: synthetic}",
    end: str = "Dense: {units: 10}",
) -> Checked:
    path = folder / "network.yaml"
    lines = "".join(f"    - {layer}\n" for layer in (*layers, end))
    path.write_text(f"data: {data}\nmodel:\n  layers:\n{lines}")
    return check_config(path)


def problems(checked: Checked) -> list[tuple[str, str, str]]:
    return [(item.path, item.message, item.hint) for item in checked.problems]


def test_a_backbone_is_one_row_and_takes_the_pictures_as_they_are(
    tmp_path: Path,
) -> None:
    checked = read(
        tmp_path,
        "Resizing: {height: 96, width: 128}",
        "Pretrained: {application: MobileNetV2}",
        "GlobalAveragePooling2D",
    )
    config = checked.require_config()
    assert config.data.normalization == "none"
    row = summarize(config).rows[1]
    assert (row.name, row.type) == ("pretrained_1", "Pretrained")
    assert row.output_shape == (3, 4, 1280)
    # M. Sandler et al., 2018, without the classifier's 1,281,000.
    assert row.parameters == 3_538_984 - 1_281_000
    assert row.macs > 0
    layer = config.model.layers[1]
    assert layer.arguments()["weights"] == "imagenet"
    # What is saved with a run reads back as the same.
    again = tmp_path / "again.yaml"
    again.write_text(config.to_yaml())
    assert check_config(again).require_config() == config


def test_its_name_alone_is_enough(tmp_path: Path) -> None:
    checked = read(tmp_path, "Pretrained: VGG16", "Flatten")
    assert checked.require_config().model.layers[0].arguments() == {
        "name": "pretrained_1",
        "application": "VGG16",
        "weights": "imagenet",
        "run": None,
        "up_to": None,
        "layers": None,
        "normalization": None,
        "input_shape": None,
        "trainable": False,
        "pooling": None,
    }


AT = "model.layers[0].Pretrained"


@pytest.mark.parametrize(
    ("written", "found"),
    [
        (
            "{application: InceptionV2, pooling: avg}",
            (
                f"{AT}.application",
                "keras.applications has no 'InceptionV2'",
                "did you mean InceptionV3?",
            ),
        ),
        (
            "{application: VGG16, pooling: avg, weights: null}",
            (
                f"{AT}.weights",
                "expected imagenet, none or a path, found null",
                "write none for weights that begin at random, as Keras's None does",
            ),
        ),
        (
            "{application: VGG16, pooling: avg, weights: noisy-student}",
            (
                f"{AT}.weights",
                "'noisy-student' is no weights of a network",
                "write imagenet, none, or the path of a file that ends with .h5",
            ),
        ),
        (
            "{application: VGG16, pooling: avg, weights: mine.keras}",
            (
                f"{AT}.weights",
                "'mine.keras' is no weights of a network",
                "a .keras file holds a whole network, which is never loaded; write the "
                'weights alone by model.save_weights("X.weights.h5")',
            ),
        ),
        (
            "{application: VGG16, pooling: avg, weights: 'https://x.org/vgg.bin'}",
            (
                f"{AT}.weights",
                "'https://x.org/vgg.bin' is no weights of a network",
                "fetch the file, and give its path on this machine",
            ),
        ),
        (
            "{pooling: avg}",
            (
                AT,
                "expected an application or a run",
                "such as Pretrained: {application: InceptionV3, pooling: avg}",
            ),
        ),
        (
            "{application: VGG16, pooling: avg, up_to: block1_pool}",
            (f"{AT}.up_to", "up_to belongs to run", "remove up_to"),
        ),
        (
            "{application: VGG16, pooling: avg, include_top: false}",
            (
                f"{AT}.include_top",
                "Pretrained has no argument 'include_top'",
                "leave it out: the network comes without its classifier; layers of "
                "yours follow",
            ),
        ),
        (
            "{application: VGG16, pooling: avg, base_model: ResNet50}",
            (
                f"{AT}.base_model",
                "Pretrained has no argument 'base_model'",
                "write application",
            ),
        ),
        (
            "{application: InceptionV3, pooling: avg}",
            (
                "model.layers[0]",
                "InceptionV3 takes pictures of 75x75 and more, found 32x32",
                "put Resizing: {height: 75, width: 75} before it",
            ),
        ),
    ],
)
def test_what_is_wrong_with_it_is_told_in_a_sentence(
    written: str, found: tuple[str, str, str], tmp_path: Path
) -> None:
    assert problems(read(tmp_path, f"Pretrained: {written}")) == [found]


@pytest.mark.parametrize("normalization", ["unit", "standard"])
def test_a_second_normalization_is_refused(normalization: str, tmp_path: Path) -> None:
    data = f"{{dataset: synthetic, normalization: {normalization}}}"
    checked = read(tmp_path, "Pretrained: VGG16", "Flatten", data=data)
    assert problems(checked) == [
        (
            "data.normalization",
            "the network of Pretrained prepares the pictures itself and needs them as "
            f"they are, but normalization is {normalization}",
            "leave normalization out, which is none then",
        )
    ]
    data = "{dataset: synthetic, normalization: none}"
    assert not read(tmp_path, "Pretrained: VGG16", "Flatten", data=data).problems


def test_only_resizing_may_come_before_it(tmp_path: Path) -> None:
    message = "Pretrained takes pictures as they are, but stands "
    hint = "make it the first layer; only Resizing may come before it"
    pretrained = "Pretrained: {application: VGG16, pooling: avg}"
    behind = read(tmp_path, "Rescaling: 0.5", pretrained)
    assert problems(behind) == [("model.layers[1]", f"{message}behind Rescaling", hint)]
    branch = f"Concatenate: [[{{{pretrained}}}], [GlobalMaxPooling2D]]"
    (problem,) = problems(read(tmp_path, branch))
    assert problem[1:] == (f"{message}in a branch", hint)
    flat = read(tmp_path, "Flatten", pretrained)
    assert [item.message for item in flat.problems][0].startswith(
        "Pretrained needs maps (height, width, channels), but what reaches it is flat"
    )


def test_names_of_keras_lead_to_it(tmp_path: Path) -> None:
    checked = read(tmp_path, "MobileNetV2: {weights: imagenet}", "Flatten")
    assert problems(checked) == [
        (
            "model.layers[0]",
            "there is no layer 'MobileNetV2'",
            "write Pretrained: {application: MobileNetV2, pooling: avg} in "
            "model.layers, trained on ImageNet; or see cifarcnn init --list for "
            "networks that are configs",
        )
    ]
    checked = read(tmp_path, "base_model: {trainable: false}", "Flatten")
    assert problems(checked)[0][2] == (
        "write Pretrained: {application: InceptionV3, pooling: avg} as the first layer"
    )


def test_memory_holds_the_maps_within_only_where_they_are_learnt_from(
    tmp_path: Path,
) -> None:
    def kept(trainable: str) -> int:
        layer = f"Pretrained: {{application: VGG16, trainable: {trainable}}}"
        config = read(tmp_path, layer, "Flatten").require_config()
        return least_bytes_of_image((32, 32, 3), summarize(config).rows, 4)

    # What its 13 convolutions look at: 3 + 64 maps of 32x32, 64 + 128 of 16x16,
    # 128 + 2 * 256 of 8x8, 256 + 2 * 512 of 4x4 and 3 * 512 of 2x2.
    within = 67 * 1024 + 192 * 256 + 640 * 64 + 1280 * 16 + 1536 * 4
    assert kept("true") - kept("false") == 4 * within
