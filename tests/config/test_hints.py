"""What beginners write, the way out that they are told, and that it is one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cifarcnn.config.spelling import find_near

if TYPE_CHECKING:
    from conftest import Check

SHAPE = "leave it out: the shape of the input is known from the data"
NONE = "in YAML None is null; write that, or leave the key out"
CROP = (
    "write RandomTranslation: {pixels: 4, fill: zero} in data.augmentation: a random "
    "crop of the picture with a border of 4 zeros"
)
MISSING = "Keras has it, cifarcnn has not"
TWO_DIMENSIONS = (
    "pictures have two dimensions: the layers for them have 2D in their names"
)
PUBLISHED = (
    "a published network is a config of its own; cifarcnn init --list shows those that "
    "are there"
)
APPLICATION = (
    "write Pretrained: {{application: {}, pooling: avg}} in model.layers, trained on "
    "ImageNet; or see cifarcnn init --list for networks that are configs"
)
RATE = "learning_rate belongs to training.optimizer, such as optimizer: {Adam: {NEW}}"
DECAY = (
    "it is a schedule, not weight_decay: write learning_rate_schedule: "
    "{InverseTimeDecay: 1e-6} in training, which divides the rate by 1 + 1e-6 * step"
)
CONV = "{filters: 8, kernel_size: 3}"

# What stands in the list of layers; the hint; what to write instead, where it is YAML.
LAYERS = [
    # Calls, tuples and names of modules.
    ("Conv2D(16, 5)", "write {Conv2D: {filters: 16, kernel_size: 5}}", "HINT"),
    ("Conv2D(16, (3, 5), activation='tanh', padding=\"same\")",
     "write {Conv2D: {filters: "
     "16, kernel_size: [3, 5], activation: tanh, padding: same}}", "HINT"),
    ("tf.keras.layers.Conv2D(8, 3, use_bias=False)",
     "write {Conv2D: {filters: 8, kernel_size: 3, use_bias: false}}", "HINT"),
    ("nn.Conv2d(3, 12, 3, padding=1)",
     "write {Conv2D: {filters: 12, kernel_size: 3, padding: same}}", "HINT"),
    ("Conv2D(filters, 3)", "write Conv2D: {kernel_size: ..., filters: ...}", None),
    ("Conv2D(16, kernel_size: 5)", "write Conv2D: {kernel_size: ..., filters: ...}",
     None),
    ("Activation('elu')", "write {Activation: elu}", "HINT"),
    ("MaxPooling2D((2, 2))", "write {MaxPooling2D: [2, 2]}", "HINT"),
    ("BatchNormalization()", "write BatchNormalization", "HINT"),
    ("layers.ReLU()", "write Activation: relu", "HINT"),
    ("keras.Input(shape=(32, 32, 3))", SHAPE, None),
    ("keras.layers.Dropout: 0.5", "write {Dropout: 0.5}", "HINT"),
    ("nn.BatchNorm2d", "write BatchNormalization", "HINT"),
    ("torch.nn.Conv2d: {in_channels: 3, out_channels: 8, kernel_size: 3}",
     "write {Conv2D: {filters: 8, kernel_size: 3}}", "HINT"),
    ("MaxPooling2D: (3, 3)", "write [3, 3]", "MaxPooling2D: [3, 3]"),
    ("MaxPooling2D: {pool_size: (3,3)}", "write [3, 3]", "MaxPooling2D: [3, 3]"),
    ("MaxPooling2D: {pool_size: (3,3), strides: (1,1)}", "write [3, 3]|write [1, 1]",
     None),
    ("MaxPooling2D: 3x3", "write [3, 3]", "MaxPooling2D: [3, 3]"),
    # Other names of what is here.
    ("Convolution2D: {nb_filter: 9, kernel_size: 3, border_mode: same}",
     "write {Conv2D: {filters: 9, kernel_size: 3, padding: same}}", "HINT"),
    ("LeakyReLU: {alpha: 0.3}",
     "write Activation: leaky_relu, whose slope is 0.2, Keras's "
     "default for the activation", "Activation: leaky_relu"),
    ("gelu", "write Activation: gelu", "HINT"),
    ("Softmax", "leave it out: softmax stands at the end of every network; or write "
     "activation: softmax in the last layer", None),
    ("Lambda: 'lambda x: x / 255'", "a config can name layers, never code", None),
    ("Cropping2D: 2", MISSING, None),
    ("Conv2DTranspose: {filters: 8, kernel_size: 3}", MISSING, None),
    ("Conv1D: {filters: 8, kernel_size: 3}", TWO_DIMENSIONS, None),
    ("nn.BatchNorm1d(64)", TWO_DIMENSIONS, None),
    ("MobileNetV3Small", APPLICATION.format("MobileNetV3Small"), None),
    ("keras.applications.ResNet50V2()", APPLICATION.format("ResNet50V2"), None),
    ("resnet18", PUBLISHED, None),
    ("RandomFlip: horizontal", "RandomFlip belongs to data.augmentation", None),
    ("RandomCrop: {height: 24, width: 24}", CROP, None),
    ("{type: Dense, units: 32}", "write {Dense: 32}", "HINT"),
    ("{class_name: Conv2D, config: {filters: 8, kernel_size: 3}}",
     "write {Conv2D: {filters: 8, kernel_size: 3}}", "HINT"),
    ("{Conv2D: {filters: 8, kernel_size: 3}, MaxPooling2D: 2}",
     "begin every item with '- '", None),
    # Arguments.
    ("Conv2D: {filters: 8, kernel_size: 3, subsample: 2}", "write strides", None),
    ("Conv2D: {filters: 8, kernel_size: 3, input_shape: [32, 32, 3]}", SHAPE, None),
    ("Conv2D: {filters: 8, kernel_size: 3, data_format: channels_last}",
     "leave it out: maps are always height, width, channels (channels_last)", None),
    ("Dense: {units: 8, lora_rank: 2}", MISSING, None),
    ("Conv2D: {out_channels: 8, kernel_size: 3}", "write filters", None),
    ("Dense: {filters: 8}", "write units", None),
    ("MaxPooling2D: {pool_size: 2, activation: relu}",
     "put the layer Activation: relu after it", None),
    ("Flatten: {kernel_size: 3}",
     "kernel_size is an argument of Conv2D, SeparableConv2D "
     "and DepthwiseConv2D", None),
    ("Dropout: {rate: 0.5, seed: 1}",
     "leave it out: training.seed starts every random number", None),
    ("Conv2D: {filters: 8, kernel_size: 3, strides: 2, 2}", "write [2, 2]", None),
    ("Conv2D: {filters: 8, kernle_size: 3}", "did you mean kernel_size?",
     f"Conv2D: {CONV}"),
    # Values.
    ("Conv2D: {filters: 8, kernel_size: 3, padding: SAME}", "did you mean same?", None),
    ("Conv2D: {filters: 8, kernel_size: 3, padding: 1}",
     "write same for a border that keeps the size of the maps, valid for none", None),
    ("Conv2D: {filters: 8, kernel_size: 3, use_bias: no}", "write false", None),
    ("Conv2D: {filters: 8, kernel_size: 3, activation: None}", "write linear", None),
    ("Conv2D: {filters: 8, kernel_size: 3, activation: null}",
     "write linear, or leave it out", None),
    ("Conv2D: {filters: 8, kernel_size: 3, kernel_regularizer: None}", NONE, None),
    ("Activation: tf.nn.relu", "did you mean relu?", "Activation: relu"),
    ("Activation: hard_swish", "write hard_silu", "Activation: hard_silu"),
    ("Activation: sparsemax", MISSING, None),
    ("Dropout: 25", "a share of 1: write 0.25 for 25 %", "Dropout: 0.25"),
    ("Dropout: 30%", "write 0.3", "Dropout: 0.3"),
    ("Rescaling: 1/4", "write 0.25", "Rescaling: 0.25"),
    # Characters.
    ("Dense:32", "put a space after the colon: Dense: 32", "Dense: 32"),
    ("Conv2D: {filters:8, kernel_size:3}", "put a space after the colon: filters: 8|"
     "put a space after the colon: kernel_size: 3", None),
    ("Dense:\u00a032", "write an ordinary space", "Dense: 32"),
    ("Activation: \u201crelu\u201d", "write an ordinary quote: '", None),
    ("Dense\uff1a 32", "write an ordinary colon: :", "Dense: 32"),
]  # fmt: skip


def read_layers(item: str, check: Check) -> list[str]:
    text = f"model:\n  layers:\n    - {item}\n    - Flatten\n    - Dense: 10\n"
    return [problem.hint for problem in check(text).problems]


@pytest.mark.parametrize(("item", "hint", "mended"), LAYERS, ids=[r[0] for r in LAYERS])
def test_a_layer_is_told_how_to_be_written(
    item: str, hint: str, mended: str | None, check: Check
) -> None:
    assert read_layers(item, check) == hint.split("|")
    if mended is not None:
        written = hint.removeprefix("write ") if mended == "HINT" else mended
        assert read_layers(written, check) == []


# What stands in the file beside the model; the hint; the same, mended.
SECTIONS = [
    ("epochs: 4", "epochs belongs to training", "training: {epochs: 4}"),
    ("batch_size: 4", "batch_size belongs to training", "training: {batch_size: 4}"),
    ("dropout: 0.5", "Dropout belongs to model.layers", None),
    ("data: {augment: [RandomFlip]}", "write augmentation",
     "data: {augmentation: [RandomFlip]}"),
    ("data: {epochs: 4}", "epochs belongs to training", None),
    ("data: {validation_fraction: 15}", "a share of 1: write 0.15 for 15 %", None),
    ("data: {augmentation: RandomFlip}", "write [RandomFlip]", None),
    ("data: {augmentation: [{RandomCrop: {height: 32, width: 32, padding: 4}}]}", CROP,
     "data: {augmentation: [RandomTranslation: {pixels: 4, fill: zero}]}"),
    ("data: {augmentation: [RandomHorizontalFlip]}", "write RandomFlip: horizontal",
     None),
    ("data: {augmentation: [{Resizing: {height: 40, width: 40}}]}",
     "Resizing belongs to model.layers", None),
    ("data: {rotation_range: 15}",
     "random changes of the pictures are listed in data.augmentation", None),
    ("training: {learning_rate: 0.02}",
     RATE.replace("NEW", "learning_rate: 0.02"),
     "training: {optimizer: {Adam: {learning_rate: 0.02}}}"),
    ("training: {lr: 0.02}", RATE.replace("NEW", "learning_rate: 0.02"), None),
    ("training: {optimizer: AdamW, weight_decay: 0.05}", "weight_decay belongs to "
     "training.optimizer, such as optimizer: {AdamW: {weight_decay: 0.05}}",
     "training: {optimizer: {AdamW: {weight_decay: 0.05}}}"),
    ("training: {warmup_epochs: 2}", "warmup_epochs belongs to "
     "training.learning_rate_schedule, such as learning_rate_schedule: "
     "{Constant: {warmup_epochs: 2}}",
     "training: {learning_rate_schedule: {Constant: {warmup_epochs: 2}}}"),
    ("training: {optimizer: {SGD: {decay: 1e-6}}}", DECAY,
     "training: {learning_rate_schedule: {InverseTimeDecay: 1e-6}}"),
    ("training: {optimizer: {name: Nadam}}", "write Nadam",
     "training: {optimizer: Nadam}"),
    ("training: {optimizer: {type: SGD, lr: 0.1}}", "write {SGD: 0.1}",
     "training: {optimizer: {SGD: 0.1}}"),
    ("training: {optimizer: keras.optimizers.Adam(0.01)}", "write {Adam: 0.01}",
     "training: {optimizer: {Adam: 0.01}}"),
    ("training:\n  optimizer: torch.optim.Adam(lr=0.002, betas=(0.9, 0.98))",
     "write {Adam: {learning_rate: 0.002, beta_1: 0.9, beta_2: 0.98}}",
     "training: {optimizer: {Adam: {learning_rate: 0.002, beta_2: 0.98}}}"),
    ("training:\n  optimizer: Adam(schedule)",
     "write Adam: {learning_rate: ...}", None),
    ("training: {optimizer: {learning_rate: 0.1}}",
     "learning_rate is an argument: write {Adam: {learning_rate: 0.1}}, say",
     "training: {optimizer: {Adam: {learning_rate: 0.1}}}"),
    ("training: {optimizer: {Adam: {betas: [0.9, 0.99]}}}",
     "write the first as beta_1, the second as beta_2",
     "training: {optimizer: {Adam: {beta_1: 0.9, beta_2: 0.999}}}"),
    ("training: {optimizer: RAdam}", "PyTorch has it, cifarcnn has not", None),
    ("training: {optimizer: Lamb}", MISSING, None),
    ("training: {early_stopping: 4}", "write early_stopping: {patience: 4}",
     "training: {early_stopping: {patience: 4}}"),
    ("training: {early_stopping: true}", "write early_stopping: {}",
     "training: {early_stopping: {}}"),
    ("training: {validation_split: 0.2}",
     "write validation_fraction, which belongs to data", None),
    ("training: {nb_epoch: 4}", "write epochs", "training: {epochs: 4}"),
    ("training: {shuffle: true}",
     "leave it out: the pictures are shuffled anew in every epoch", None),
    ("training: {best_by: val_acc}", "write val_accuracy", None),
    ("training:\n  epochs:4", "put a space after the colon: epochs: 4", None),
    ("training:\n\u00a0\u00a0epochs: 4", "write an ordinary space", None),
    ("training: {optimizer: {Adam: {learning_rate: 1e\u22123}}}",
     "write an ordinary hyphen: -", None),
    ("training: {seed: None}", "leave the key out: it cannot be null", None),
    ("data: {path: None}", NONE, "data: {path: null}"),
    ("data: {augmentation: none}", "write []", "data: {augmentation: []}"),
]  # fmt: skip


def read_section(section: str, check: Check) -> list[str]:
    text = f"model: {{layers: [Flatten, Dense: 10]}}\n{section}\n"
    return [problem.hint for problem in check(text).problems]


@pytest.mark.parametrize(
    ("section", "hint", "mended"), SECTIONS, ids=[row[0] for row in SECTIONS]
)
def test_a_key_is_told_where_it_belongs(
    section: str, hint: str, mended: str | None, check: Check
) -> None:
    assert read_section(section, check) == [hint]
    assert mended is None or read_section(mended, check) == []


def test_calls_in_one_line_are_told_once_each(check: Check) -> None:
    text = (
        "model: {layers: [Conv2D(16, 3), MaxPooling2D((2, 2)), Flatten(), Dense(10)]}\n"
    )
    assert [problem.hint for problem in check(text).problems] == [
        "write {Conv2D: {filters: 16, kernel_size: 3}}",
        "write {MaxPooling2D: [2, 2]}",
        "write Flatten",
        "write {Dense: 10}",
    ]


def test_in_a_block_a_name_has_the_same_hints(check: Check) -> None:
    layers = "[ReLU, Conv2D(4, 3), MaxPool2d: 2, Reshape: 3]"
    text = (
        f"blocks: {{part: {{layers: {layers}}}}}\n"
        "model: {layers: [part, Flatten, Dense: 10]}\n"
    )
    assert [problem.hint for problem in check(text).problems] == [
        "write Activation: relu",
        "write {Conv2D: {filters: 4, kernel_size: 3}}",
        "write {MaxPooling2D: 2}",
        MISSING,
    ]


def test_the_name_of_a_block_may_be_misspelt_too(check: Check) -> None:
    text = (
        "blocks: {conv_bn: {layers: [BatchNormalization]}, resize: {layers: []}, "
        "resnet_block: {layers: []}}\n"
        "model:\n  layers:\n  - ConvBN\n  - conv-bn: {a: 1}\n  - ConvBn(3)\n"
        "  - Resize\n  - resnet_bloc\n  - Flatten\n  - Dense: 10\n"
    )
    hints = [problem.hint for problem in check(text).problems]
    assert hints == [
        *["did you mean conv_bn?"] * 3,
        "did you mean resize?",
        "did you mean resnet_block?",
    ]


@pytest.mark.parametrize(
    "value", ["0^-1", "0 ** -7", "9" * 40 + "^99", "(3, ...)", "(3, 2j)", "(3, {1})"]
)
def test_what_cannot_be_worked_out_gets_no_hint(value: str, check: Check) -> None:
    layer = f"{{Conv2D: {{filters: 4, kernel_size: '{value}'}}}}"
    text = f"model: {{layers: [{layer}, Flatten, Dense: 10]}}\n"
    problems = check(text + f"training: {{epochs: '{value}'}}\n").problems
    assert [problem.hint for problem in problems] == ["", ""]


def test_a_slip_of_two_keys_misses_nothing(check: Check) -> None:
    """The key that is meant by another name is not told to be missing as well."""
    item = "Conv2D: {nb_filters: 8, kernal_size: 3}"
    assert read_layers(item, check) == ["write filters", "did you mean kernel_size?"]


SLIPS = [
    ("epohcs", ["epochs"]),
    ("epoch", ["epochs"]),
    ("Epochs", ["epochs"]),
    ("batchsize", ["batch_size"]),
    ("batchsiez", ["batch_size"]),
    ("bs", ["batch_size"]),
    ("batch", ["batch_size"]),
    ("sead", ["seed"]),
    ("need", ["seed"]),
    ("sad", []),
    ("optimiser", ["optimizer"]),
    ("xe", []),
    ("", []),
    ("\u00e9\u00e9\u00e9", []),
    ("learning", ["learning_rate", "learning_rate_schedule"]),
    ("epochs" * 100_000, []),
]


@pytest.mark.parametrize(("found", "near"), SLIPS, ids=[row[0][:10] for row in SLIPS])
def test_only_slips_of_the_fingers_are_near(found: str, near: list[str]) -> None:
    names = ["epochs", "batch_size", "seed", "optimizer"]
    names += ["learning_rate", "learning_rate_schedule"]
    assert find_near(found, names) == near


def test_the_table_of_the_docs_is_what_check_says(check: Check) -> None:
    page = Path(__file__).parents[2] / "docs" / "config.md"
    text = page.read_text(encoding="utf-8").partition("what `check` says to it |")[2]
    rows = re.findall(r"^\| `(.+?)` \| (.+) \|$", text.partition("\n\n")[0], re.M)
    assert len(rows) == 6
    values = {"learning_rate": "0.01", "validation_split": "0.1"}
    for found, hint in rows:
        if found in values:
            section = f"training: {{{found}: {values[found]}}}"
            assert read_section(section, check) == [hint]
        else:
            assert read_layers(found, check) == [hint]
