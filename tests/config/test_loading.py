"""From a name to a checked config: files, shipped names, extends, the order of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cifarcnn.config import check_config, load_config
from cifarcnn.config.loading import LONGEST_CHAIN, check_tree
from cifarcnn.config.shipped import (
    find_config,
    shipped_folder,
    shipped_names,
    zoo_names,
)
from cifarcnn.config.yaml_text import parse
from cifarcnn.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from conftest import Check

BASE = "model:\n  layers: [Flatten, {Dense: 10}]\n"


def write(**files: str) -> None:
    for name, text in files.items():
        Path(f"{name}.yaml").write_text(text, encoding="utf-8")


# --- which file ----------------------------------------------------------------------


def test_a_shipped_config_is_found_by_its_name() -> None:
    assert "article" in shipped_names()
    assert find_config("article") == shipped_folder() / "article.yaml"
    assert load_config("article").name == "article"


def test_a_file_of_the_same_name_comes_first(check: Check) -> None:
    Path("article").write_text(f"name: mine\n{BASE}")
    assert load_config("article").name == "mine"


def test_a_folder_of_the_same_name_does_not(check: Check) -> None:
    Path("article").mkdir()
    assert find_config("article") == shipped_folder() / "article.yaml"


def test_a_path_may_begin_with_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "x.yaml").write_text(BASE)
    assert find_config("~/x.yaml") == tmp_path / "x.yaml"


KNOWN = f"known: {', '.join(sorted(shipped_names() + zoo_names()))}"
NOT_FOUND = [
    ("x.yaml", "there is no file 'x.yaml'"),
    ("x.yml", "there is no file 'x.yml'"),
    ("a/b", "there is no file 'a/b'"),
    ("~nobody-of-this-name/x.yaml", "there is no file '~nobody-of-this-name/x.yaml'"),
    ("a\0.yaml", "there is no file 'a\0.yaml'"),
    ("y" * 5000 + ".yaml", f"there is no file '{'y' * 37}...'"),
    (".", "'.' is a folder; a config is a YAML file"),
    ("/dev/null", "'/dev/null' is not an ordinary file"),
    ("articel", "there is no file 'articel' and no shipped config of that name; did "
     "you mean article?"),
    ("zzz", f"there is no file 'zzz' and no shipped config of that name; {KNOWN}"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "message"), NOT_FOUND, ids=[ascii(n[:20]) for n, _ in NOT_FOUND]
)
def test_what_is_no_config_is_told(name: str, message: str, check: Check) -> None:
    with pytest.raises(UsageError) as caught:
        find_config(name)
    assert str(caught.value) == message


def test_an_empty_name_is_no_file() -> None:
    with pytest.raises(UsageError) as caught:
        find_config("")
    assert str(caught.value) == (
        f"there is no file '' and no shipped config of that name; {KNOWN}"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_that_may_not_be_read(check: Check) -> None:
    write(x=BASE)
    Path("x.yaml").chmod(0)
    with pytest.raises(UsageError, match="^'x.yaml' cannot be read: Permission denied"):
        check_config("x.yaml", [])


# --- extends -------------------------------------------------------------------------


def test_a_file_is_laid_upon_the_one_that_it_extends(check: Check) -> None:
    write(base=f"name: base\ntraining: {{epochs: 3, seed: 4}}\n{BASE}")
    checked = check("extends: base.yaml\ntraining: {epochs: 5}\n")
    assert checked.config is not None
    assert checked.config.name == "base"
    assert (checked.config.training.epochs, checked.config.training.seed) == (5, 4)


def test_a_shipped_config_is_extended_by_its_name(check: Check) -> None:
    checked = check("extends: article\nname: mine\ntraining: {epochs: 5}\n")
    assert checked.config is not None
    assert (checked.config.name, checked.config.training.epochs) == ("mine", 5)
    assert len(checked.config.model.layers) == 8


def test_layers_are_replaced_as_a_whole_and_optimizers_by_name(check: Check) -> None:
    checked = check(
        "extends: article\nmodel: {layers: [Flatten, Dense: 10]}\n"
        "training: {optimizer: {SGD: {momentum: 0.9}}}\n"
    )
    assert checked.config is not None
    assert [layer.type for layer in checked.config.model.layers] == ["Flatten", "Dense"]
    assert checked.config.training.optimizer.type == "SGD"


def test_a_relative_name_is_looked_for_beside_the_file_that_names_it(
    check: Check,
) -> None:
    Path("sub/deep").mkdir(parents=True)
    Path("sub/base.yaml").write_text(BASE)
    Path("sub/deep/middle.yaml").write_text("extends: ../base.yaml\nname: middle\n")
    checked = check("extends: sub/deep/middle.yaml\n")
    assert checked.config is not None and checked.config.name == "middle"


def test_blocks_of_the_base_are_there_for_the_file(check: Check) -> None:
    write(base="blocks:\n  a: {layers: [Flatten]}\n  b: {layers: [Dense: 10]}\n")
    checked = check(
        "extends: base.yaml\nblocks:\n  b: {layers: [Dense: 10]}\n"
        "model: {layers: [a, b]}\n"
    )
    assert checked.config is not None


def test_a_problem_is_told_in_the_file_that_it_is_in(check: Check) -> None:
    write(base=f"training: {{epochs: 0}}\n{BASE}")
    checked = check("extends: base.yaml\ntraining: {seed: -1}\nname: a b\n")
    assert [(p.file, p.line, p.path) for p in checked.problems] == [
        ("c.yaml", 2, "training.seed"),
        ("c.yaml", 3, "name"),
        ("base.yaml", 1, "training.epochs"),
    ]


EXTENDS = [
    ("extends: [a, b]", 10, "expected the name of a file or of a shipped config, found "
     "a list"),
    ("extends: {a: 1}", 10, "expected the name of a file or of a shipped config, found "
     "a mapping"),
    ("extends: 3", 10, "expected the name of a file or of a shipped config, found 3"),
    ("extends:", 9, "expected the name of a file or of a shipped config, found null"),
    ("extends: ''", 10, "expected the name of a file or of a shipped config, found ''"),
    ("extends: nothing.yaml", 10, "there is no file 'nothing.yaml'"),
    ("extends: articel", 10, "there is no file 'articel' and no shipped config of that "
     "name; did you mean article?"),
    ("extends: .", 10, "'.' is a folder; a config is a YAML file"),
    ("extends: /dev/zero", 10, "'/dev/zero' is not an ordinary file"),
    (r'extends: "a\0b"', 10, r"there is no file 'a\x00b' and no shipped config of that "
     f"name; {KNOWN}"),
    (f"extends: {'y' * 5000}.yaml", 10, f"there is no file '{'y' * 37}...'"),
    ("extends: c.yaml", 10, "this file extends itself"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "column", "message"), EXTENDS, ids=[ascii(t[:25]) for t, _, _ in EXTENDS]
)
def test_a_wrong_extends_is_told(
    text: str, column: int, message: str, check: Check
) -> None:
    (problem,) = check(text).problems
    assert (problem.line, problem.column, problem.path) == (1, column, "extends")
    assert problem.message == message


def test_a_circle_of_files_is_found(check: Check) -> None:
    write(a="extends: b.yaml\n", b="extends: c.yaml\n")
    (problem,) = check("extends: a.yaml\n").problems
    assert (problem.file, problem.message) == ("b.yaml", "this file extends itself")


def test_a_chain_has_an_end(check: Check) -> None:
    def chain(length: int) -> None:
        write(**{f"f{i}": f"extends: f{i + 1}.yaml\n" for i in range(length - 2)})
        write(**{f"f{length - 2}": BASE})

    chain(LONGEST_CHAIN)
    assert check("extends: f0.yaml\n").config is not None
    chain(LONGEST_CHAIN + 1)
    (problem,) = check("extends: f0.yaml\n").problems
    assert problem.message == "more than 8 files extend one another"


def test_a_wrong_text_in_the_base_is_told_there(check: Check) -> None:
    write(base="model: [\n")
    (problem,) = check("extends: base.yaml\n").problems
    assert (problem.file, problem.line, problem.column) == ("base.yaml", 2, 1)
    write(base="- Flatten\n")
    (problem,) = check("extends: base.yaml\n").problems
    assert str(problem) == (
        "base.yaml:1:1: expected a mapping with the keys name, data, model and "
        "training, found a list\n    1 | - Flatten\n      | ^"
    )


# --- what comes out ------------------------------------------------------------------


def test_load_config_raises_all_problems_at_once(check: Check) -> None:
    check("name: a b\ntraining: {epochs: 0}\nmodel: 3\n")
    with pytest.raises(ConfigError) as caught:
        load_config("c.yaml")
    assert [problem.line for problem in caught.value.problems] == [1, 2, 3]
    assert str(caught.value).count("\n      |") == 3


def test_shapes_are_followed_also_when_another_part_is_wrong(check: Check) -> None:
    checked = check("training: {epochs: 0}\nmodel: {layers: [Flatten, Dense: 9]}\n")
    assert [problem.message for problem in checked.problems] == [
        "expected a number of at least 1, found 0",
        "the network ends with 9 numbers; cifar10 needs 10, one for each class",
    ]


def test_the_end_is_not_judged_when_the_data_is_wrong(check: Check) -> None:
    checked = check("data: {dataset: x}\nmodel: {layers: [Flatten, Dense: 9]}\n")
    assert [problem.path for problem in checked.problems] == ["data.dataset"]


def test_problems_come_in_the_same_order_every_time(check: Check) -> None:
    text = f"data: {{{', '.join(f'k{i}: 1' for i in range(20))}}}\n{BASE}"
    keys = [problem.path for problem in check(text).problems]
    assert keys == [f"data.k{i}" for i in range(20)]
    places = [(p.line, p.column, p.message) for p in check("{}", "a=1", "b=2").problems]
    assert places == [
        (1, 1, "the config needs 'model'"),
        (1, 1, "there is no key 'a'"),
        (1, 1, "there is no key 'b'"),
    ]


@pytest.mark.parametrize("name", shipped_names() + zoo_names())
def test_every_shipped_config_is_right_and_resolves_to_itself(
    name: str, check: Check
) -> None:
    config = load_config(name)
    checked = check(config.to_yaml())
    assert checked.config == config


def test_settings_of_the_command_line_and_from_python_come_together() -> None:
    config = load_config(
        "article", {"training.epochs": 4}, ["training.epochs=5", "name=two"]
    )
    assert (config.training.epochs, config.name) == (5, "two")


def test_a_tree_is_checked_without_reading_its_file_again() -> None:
    good = parse("model: {layers: [Flatten, Dense: 10]}", "run/config.yaml")
    assert check_tree("run/config.yaml", good).require_config().name == "run"
    bad = check_tree("run/config.yaml", parse("model: {layers: [Flat]}", "run/c"))
    with pytest.raises(ConfigError, match="there is no layer 'Flat'"):
        bad.require_config()
