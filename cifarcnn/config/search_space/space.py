"""A config of which some values may vary."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cifarcnn.config.loading import Checked, check_tree
from cifarcnn.config.schema import Config
from cifarcnn.config.search_space.fixed_keys import comparable
from cifarcnn.config.search_space.parameters import Choices, Parameter, Range, Value
from cifarcnn.config.search_space.tree_changes import Change, Way, put
from cifarcnn.config.yaml_text import dump_inline
from cifarcnn.config.yaml_tree import Node, Place, escape
from cifarcnn.errors import ConfigError


@dataclass(frozen=True)
class Varied:
    """One value that may vary, with the places of what was written.

    Attributes:
        parameter: What it may be.
        way: From the top of the config to it.
        place: Where its key is written.
        choices: What each text of ``Choices`` stands for; of a range the ends as they
            are written, as ``low`` and ``high``.
    """

    parameter: Parameter
    way: Way
    place: Place
    choices: Mapping[str, Node]

    def change(self, value: Value) -> Change:
        """What a value does to the tree of the config.

        Raises:
            ValueError: It is none of the parameter.
        """
        if isinstance(self.parameter, Choices):
            if value not in self.choices:
                raise ValueError(f"{value!r} is no choice of {self.parameter.key}")
            return Change(self.way, self.choices[str(value)], self.place)
        if isinstance(value, str):
            raise ValueError(f"{self.parameter.key} needs a number, found {value!r}")
        number = round(value) if self.parameter.is_integer else float(value)
        place = self.choices["low"].place
        return Change(self.way, Node(number, place), self.place)


@dataclass(frozen=True)
class SearchSpace:
    """A config, and what of it may vary.

    Attributes:
        name: What the user calls the config.
        root: The config as it is written, with places.
        base: The same, checked: what is to be bettered.
        varied: What may vary, in the order given.
    """

    name: str
    root: Node
    base: Config
    varied: tuple[Varied, ...]

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """What may vary."""
        return tuple(varied.parameter for varied in self.varied)

    def apply(self, values: Mapping[str, Value]) -> Config:
        """The config with a value for each parameter.

        Args:
            values: By key: of a range a number, of choices the text of one.

        Raises:
            ConfigError: These values cannot exist together, such as a pooling that is
                larger than its maps.
            ValueError: A key or value is none of the space, or is missing.
        """
        if missing := {parameter.key for parameter in self.parameters} - {*values}:
            raise ValueError(f"no value is given for {', '.join(sorted(missing))}")
        return self.check(values).require_config()

    def check(self, values: Mapping[str, Value]) -> Checked:
        """The same with all problems gathered; a key left out stays as it is.

        Raises:
            ValueError: A key or value is none of the space.
        """
        by_key = {varied.parameter.key: varied for varied in self.varied}
        if unknown := {*values} - {*by_key}:
            raise ValueError(f"{', '.join(sorted(unknown))} may not vary")
        changes = [by_key[key].change(value) for key, value in values.items()]
        return check_changes(self.name, self.root, changes)

    def write_config(
        self, values: Mapping[str, Value], comment_lines: Sequence[str] = ()
    ) -> str:
        """The config with a value for each parameter as YAML, ready to train.

        Every default is written out, as in the config of a run.

        Args:
            values: As for :meth:`apply`.
            comment_lines: What stands at the head, without the signs of a comment.

        Raises:
            ConfigError: These values cannot exist together.
            ValueError: A key or value is none of the space, or is missing.
        """
        head = "".join(f"# {escape(line)}".rstrip() + "\n" for line in comment_lines)
        return head + self.apply(values).to_yaml()

    def fingerprint(self) -> str:
        """A text that is the same for the same config and space, and for no others.

        What changes no result of a training is left out, and where CIFAR lies.
        """
        spaces: dict[str, object] = {}
        for varied in self.varied:
            parameter = varied.parameter
            if isinstance(parameter, Range):
                ends: list[object] = [parameter.low, parameter.high]
                kind = {"log": parameter.log, "step": parameter.step}
                spaces[parameter.key] = [*ends, kind, parameter.is_integer]
            else:
                plain = [node.plain() for node in varied.choices.values()]
                spaces[parameter.key] = [dump_inline(value) for value in plain]
        described: dict[str, object] = {"base": comparable(self.base), "space": spaces}
        if any(varied.way[0] in ("model", "blocks") for varied in self.varied):
            # Then it matters how the layers are written: blocks may be used by choices.
            for key in ("model", "blocks"):
                node = self.root.child(key)
                described[key] = node.plain() if node is not None else None
        return json.dumps(described, sort_keys=True, ensure_ascii=False)


def check_changes(name: str, root: Node, changes: Iterable[Change]) -> Checked:
    """Gather all problems of a config with some values changed.

    Args:
        name: What the user calls the config.
        root: The config as it is written.
        changes: Of which none lies within another.
    """
    try:
        root = put(root, changes)
    except ConfigError as error:
        return Checked(name, error.problems)
    return check_tree(name, root)
