"""Blocks, parameters, Repeat and Residual, before the schema sees the layers."""

from __future__ import annotations

import resource
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Check

    from cifarcnn.config import Checked

END = "    - Flatten\n    - Dense: 10\n"
CONV = """blocks:
  conv:
    parameters: {filters: null, kernel_size: 3, name: BatchNormalization}
    layers:
      - Conv2D: {filters: $filters, kernel_size: $kernel_size, padding: same}
      - $name
"""


def layers(checked: Checked) -> list[str]:
    assert [str(problem) for problem in checked.problems] == []
    return [f"{row.type} {row.output_shape[-1]}" for row in checked.summary.rows]


def told(checked: Checked) -> list[tuple[int, int, str, str, str]]:
    return [(p.line, p.column, p.path, p.message, p.hint) for p in checked.problems]


def network(items: str, before: str = CONV) -> str:
    return f"{before}model:\n  layers:\n{items}{END}"


# --- what they stand for -------------------------------------------------------------


def test_a_block_is_its_layers_with_the_parameters_filled_in(check: Check) -> None:
    text = network(
        "    - conv: {filters: 4}\n    - conv: {filters: 6, name: Flatten}\n"
    )
    assert layers(check(text))[:4] == [
        "Conv2D 4",
        "BatchNormalization 4",
        "Conv2D 6",
        "Flatten 6144",
    ]


def test_a_parameter_may_be_null_when_that_is_said(check: Check) -> None:
    text = network(
        "    - conv: {reg: null}\n",
        "blocks:\n  conv:\n    parameters: {reg: null}\n    layers:\n"
        "      - Conv2D: {filters: 2, kernel_size: 1, kernel_regularizer: $reg}\n",
    )
    assert layers(check(text))[0] == "Conv2D 2"


def test_a_block_without_parameters_is_its_bare_name(check: Check) -> None:
    before = "blocks:\n  two: {layers: [ReLU, ReLU]}\n".replace(
        "ReLU", "{Activation: relu}"
    )
    text = network("    - two\n    - two:\n    - two: {}\n", before)
    assert layers(check(text))[:6] == ["Activation 3"] * 6


def test_blocks_use_blocks_and_pass_parameters_on(check: Check) -> None:
    before = CONV + (
        "  pair:\n    parameters: {filters: 8}\n    layers:\n"
        "      - conv: {filters: $filters}\n"
        "      - Residual: [conv: {filters: $filters}]\n"
    )
    assert layers(check(network("    - pair\n", before)))[:5] == [
        "Conv2D 8",
        "BatchNormalization 8",
        "Conv2D 8",
        "BatchNormalization 8",
        "Add 8",
    ]


def test_repeat_writes_its_layers_down_several_times(check: Check) -> None:
    text = network(
        "    - Repeat:\n        times: 2\n        layers:\n"
        "          - MaxPooling2D\n"
        "          - Repeat: {times: 3, layers: [Dropout: 0.5]}\n"
    )
    checked = check(text)
    once = ["MaxPooling2D 3"] + ["Dropout 3"] * 3
    assert layers(checked)[:8] == once * 2
    names = [row.name for row in checked.summary.rows]
    assert names[:5] == [
        "max_pooling2d_1",
        "dropout_1",
        "dropout_2",
        "dropout_3",
        "max_pooling2d_2",
    ]


def test_how_often_may_be_a_parameter(check: Check) -> None:
    before = (
        "blocks:\n  many:\n    parameters: {n: 2}\n    layers:\n"
        "      - Repeat: {times: $n, layers: [Dropout: 0.5]}\n"
    )
    assert layers(check(network("    - many: {n: 3}\n", before)))[:4] == [
        "Dropout 3",
        "Dropout 3",
        "Dropout 3",
        "Flatten 3072",
    ]


def test_residuals_nest_and_have_shortcuts(check: Check) -> None:
    text = network(
        "    - Residual:\n"
        "        layers:\n"
        "          - Residual: [conv: {filters: 3}]\n"
        "          - Conv2D: {filters: 5, kernel_size: 3, strides: 2, padding: same}\n"
        "        shortcut: [Conv2D: {filters: 5, kernel_size: 1, strides: 2}]\n"
    )
    checked = check(text)
    assert layers(checked)[:6] == [
        "Conv2D 3",
        "BatchNormalization 3",
        "Add 3",
        "Conv2D 5",
        "Conv2D 5",
        "Add 5",
    ]
    assert [row.depth for row in checked.summary.rows] == [2, 2, 1, 1, 1, 0, 0, 0]


def test_a_mistake_in_a_block_is_told_once_and_where_it_is_written(
    check: Check,
) -> None:
    text = network("    - conv: {filters: 0}\n    - conv: {filters: 0}\n")
    assert told(check(text)) == [
        (
            9,
            23,
            "model.layers[0].conv.filters",
            "expected a number of at least 1, found 0",
            "",
        ),
        (
            10,
            23,
            "model.layers[1].conv.filters",
            "expected a number of at least 1, found 0",
            "",
        ),
    ]
    text = network("    - conv: {filters: 1}\n" * 3, CONV.replace("same", "sama"))
    assert told(check(text)) == [
        (
            5,
            73,
            "blocks.conv.layers[0].Conv2D.padding",
            "expected one of valid, same; found 'sama'",
            "did you mean same?",
        )
    ]


# --- mistakes ------------------------------------------------------------------------

AT = "model.layers[0]"
MISTAKES = {
    "the parameters are a list": (
        "    - conv: [3]\n", CONV,
        [(9, 7, f"{AT}.conv", "expected the parameters of 'conv' as a mapping, found "
          "a list", "")],
    ),
    "two parameters are missing": (
        "    - x\n", "blocks:\n  x: {parameters: {a: , b: , c: 1}, layers: []}\n",
        [(5, 7, AT, "the block 'x' needs 'a' and 'b'", "such as x: {a: ...}")],
    ),
    "a block is not known": (
        "    - Residual: [cov: {filters: 3}]\n", CONV,
        [(9, 18, f"{AT}.Residual[0]", "there is no layer or block 'cov'",
          "did you mean conv?")],
    ),
    "two blocks contain one another": (
        "    - a\n", "blocks:\n  a: {layers: [b]}\n  b: {layers: [a]}\n",
        [(3, 16, "blocks.b.layers[0]", "the block 'a' contains itself", "")],
    ),
    "a block has an unknown key": (
        "    - a\n", "blocks:\n  a: {layer: [Flatten], layers: [Flatten]}\n",
        [(2, 7, "blocks.a.layer", "a block has no 'layer'", "did you mean layers?")],
    ),
    "a block is a list": (
        "    - a\n", "blocks:\n  a: [Flatten]\n",
        [(2, 3, "blocks.a", "expected {parameters: ..., layers: [...]}, found a list",
          "")],
    ),
    "the layers of a block are a word": (
        "    - a\n", "blocks:\n  a: {layers: Flatten}\n",
        [(2, 7, "blocks.a.layers", "the block 'a' needs a list of layers, found "
          "'Flatten'", "")],
    ),
    "the parameters of a block are a list": (
        "    - a\n", "blocks:\n  a: {parameters: [n], layers: [Flatten]}\n",
        [(2, 7, "blocks.a.parameters", "expected parameters by name with their "
          "defaults, found a list",
          "such as parameters: {filters: null}, where null means: must be given")],
    ),
    "a parameter has an impossible name": (
        "    - a\n", "blocks:\n  a: {parameters: {a b: 1}, layers: [Flatten]}\n",
        [(2, 20, "blocks.a.parameters.a b", "'a b' is no name for a parameter",
          "use letters, digits and underscores")],
    ),
    "a block is called Repeat": (
        "", "blocks:\n  Repeat: {layers: [Flatten]}\n",
        [(2, 3, "blocks.Repeat", "'Repeat' is the name of a layer",
          "give the block another name")],
    ),
    "a parameter has no name": (
        "    - Dropout: $\n", "",
        [(3, 7, f"{AT}.Dropout", "there is no parameter '' here",
          "parameters are declared in a block")],
    ),
    "Repeat is bare": (
        "    - Repeat\n", "",
        [(3, 7, AT, "Repeat needs {times: ..., layers: [...]}", "")],
    ),
    "Repeat has nothing": (
        "    - Repeat: {}\n", "", [(3, 7, AT, "Repeat needs times and layers", "")],
    ),
    "Repeat has an unknown key": (
        "    - Repeat: {time: 3, layers: [Flatten], times: 2}\n", "",
        [(3, 16, f"{AT}.Repeat.time", "Repeat has no 'time'", "did you mean times?")],
    ),
    "times is true": (
        "    - Repeat: {times: true, layers: [Flatten]}\n", "",
        [(3, 16, f"{AT}.Repeat.times", "expected a whole number from 1 to 1,000, "
          "found true", "")],
    ),
    "times is too many": (
        "    - Repeat: {times: 1001, layers: [Flatten]}\n", "",
        [(3, 16, f"{AT}.Repeat.times", "expected a whole number from 1 to 1,000, "
          "found 1001", "")],
    ),
    "the layers of Repeat are a word": (
        "    - Repeat: {times: 2, layers: Flatten}\n", "",
        [(3, 26, f"{AT}.Repeat.layers", "expected a list of layers, found 'Flatten'",
          "")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_told_in_full(case: str, check: Check) -> None:
    items, before, expected = MISTAKES[case]
    assert told(check(network(items, before))) == expected


# --- bombs ---------------------------------------------------------------------------


def chain(inner: str, times: int, depth: int) -> str:
    """Blocks that each use the next one several times; the last is ``inner``."""
    uses = [f"  b{i}: {{layers: [{', '.join([f'b{i + 1}'] * times)}]}}\n"
            for i in range(depth)]  # fmt: skip
    return "blocks:\n" + "".join(uses) + f"  b{depth}: {{layers: [{inner}]}}\n"


def growing(times: int, depth: int) -> str:
    """Blocks that each pass on a list of what they were given."""
    many = ", ".join(["$p"] * times)
    uses = [
        f"  b{i}: {{parameters: {{p: null}}, layers: [b{i + 1}: {{p: [{many}]}}]}}\n"
        for i in range(depth)
    ]
    last = "{parameters: {p: null}, layers: [Dropout: $p]}"
    return "blocks:\n" + "".join(uses) + f"  b{depth}: {last}\n"


BOMBS = {
    "repeats in repeats": (
        "    - Repeat: {times: 1000, layers: [Repeat: {times: 1000, layers: "
        "[Dropout: 0.1]}]}\n", "", "1,000 layers",
    ),
    "repeated residuals": (
        "    - Repeat: {times: 1000, layers: [Repeat: {times: 1000, layers: "
        "[Residual: {layers: []}]}]}\n", "", "1,000 layers",
    ),
    "blocks of many layers": ("    - b0\n", chain("Dropout: 0.1", 50, 10),
                              "1,000 layers"),
    "blocks of nothing": ("    - b0\n", chain("", 10, 12), "20,000 steps"),
    "lists of lists as parameters": (
        "    - b0: {p: [1, 2, 3]}\n", growing(100, 10), "200,000 values",
    ),
    "deep parameters": (
        "    - b0: {p: 1}\n",
        growing(1, 14).replace("[$p]", f"{'[' * 20}$p{']' * 20}"), "32 levels",
    ),
    "a large value many times": (
        f"    - Repeat: {{times: 900, layers: [Dropout: [{'1,' * 900}]]}}\n", "",
        "200,000 values",
    ),
    "a large block many times": (
        "    - x\n" * 500, f"blocks:\n  x: {{layers: [Dropout: [{'1,' * 90_000}]]}}\n",
        "200,000 values",
    ),
    "blocks nested too deep": ("    - b0\n", chain("Flatten", 1, 17),
                               "16 blocks one inside the other"),
    "residuals nested too deep": (
        "    - a\n",
        "blocks:\n  a: {layers: [Residual: [Residual: [Residual: [b]]]]}\n"
        "  b: {layers: [Residual: [Residual: [Residual: [c]]]]}\n"
        "  c: {layers: [Residual: [Residual: [Residual: [Flatten]]]]}\n",
        "24 levels of branches",
    ),
}  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_stopped_quickly_and_with_little_memory(
    bomb: str, check: Check
) -> None:
    items, before, too_many = BOMBS[bomb]
    start = time.process_time()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    checked = check(network(items, before))
    assert time.process_time() - start < 3
    # In kilobytes; what earlier tests took is in the number already.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 200_000
    (problem,) = checked.problems
    assert problem.message == f"written out, the config has more than {too_many}"
    assert problem.hint == "use fewer or smaller repetitions and blocks"
    assert checked.config is None


def test_a_thousand_layers_are_not_too_many(check: Check) -> None:
    text = (
        "model:\n  layers:\n    - Repeat: {times: 998, layers: [Dropout: 0.1]}\n" + END
    )
    assert len(layers(check(text))) == 1000
    assert check(text.replace("998", "999")).config is None
