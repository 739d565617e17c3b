"""YAML text to a tree of nodes, by the rules of YAML 1.2 and with narrow limits.

PyYAML reads YAML 1.1, in which ``1e-3`` is a string, ``no`` is false and ``12:30`` is
750. Only its events are used here; what a scalar means is decided by the core schema
of YAML 1.2.2, section 10.3.2. Aliases, tags and repeated keys are refused.
"""

from __future__ import annotations

import re

import yaml

from cifarcnn.config.encoding import SAVE_AS_UTF8
from cifarcnn.config.yaml_errors import to_problem
from cifarcnn.config.yaml_tree import (
    LONGEST_NUMBER_DIGITS,
    Node,
    Place,
    Scalar,
    SourceText,
    is_number,
    join,
    quote,
    resolve,
)
from cifarcnn.errors import ConfigError, Problem

DEEPEST_NESTING = 32
LONGEST_PARSED_TWICE = 50_000

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# Where a list of layers or of augmentations stands.
_IN_LIST = re.compile(r"model|blocks|data\.augmentation")
# All but the printable characters of YAML 1.1, section 4.1, which the parser knows.
_REFUSED = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)


def parse(text: str, name: str) -> Node:
    """The tree of one YAML document.

    Args:
        text: The document.
        name: What the user calls it.

    Raises:
        ConfigError: The text is empty or not YAML, has a character that YAML does not
            allow, holds several documents, an alias, a tag or a repeated key, is
            nested more than 32 deep, or has a number of more than 40 digits. All
            repeated keys are reported at once.
    """
    source = SourceText.of(name, text)
    root = parse_value(text, source)
    if root is None:
        message = "the file is empty; a config needs at least a model"
        hint = "start from a shipped one: cifarcnn init article my.yaml"
        raise source.place().error("", message, hint)
    return root


def parse_value(text: str, source: SourceText) -> Node | None:
    """The same as :func:`parse`, but None for a text without any value.

    Raises:
        ConfigError: As :func:`parse`.
    """
    if refused := _REFUSED.search(text):
        message = f"the character U+{ord(refused[0]):04X} is not allowed in YAML"
        hint = SAVE_AS_UTF8 if refused[0] == "\0" else "remove it"
        place = source.place_after(text[: refused.start()])
        raise place.error("", message, hint)
    reader = _Reader(text, source)
    try:
        root = reader.read()
    except yaml.MarkedYAMLError as error:
        problem = to_problem(_in_the_same_words(text, error), source)
        raise ConfigError([*reader.problems, problem]) from None
    if reader.problems:
        raise ConfigError(reader.problems)
    return root


def dump(value: object) -> str:
    """Lists, dicts and scalars as YAML text that ``parse`` reads back as they were."""
    text: str = yaml.dump(
        value,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=88,
        default_flow_style=None,
    )
    return text


def dump_inline(value: object) -> str:
    """The same in one line, for a hint: ``{Adam: {beta_1: 0.8}}``."""
    text: str = yaml.dump(
        value,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=10**6,
        default_flow_style=True,
    )
    return text.removesuffix("\n...\n").removesuffix("\n")


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # PyYAML quotes what YAML 1.1 would take for something else; 1e-3 is not among it.
    ambiguous = is_number(text)
    return dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="'" if ambiguous else None
    )


_Dumper.add_representer(str, _represent_text)


def _in_the_same_words(text: str, error: yaml.MarkedYAMLError) -> yaml.MarkedYAMLError:
    """The error of PyYAML's own parser, which is the same on every machine.

    Its parser in C words errors differently, and is there on most machines only. The
    one in Python is slow, so that for a long text the words of the other must do.
    """
    if len(text) > LONGEST_PARSED_TWICE:
        return error
    depth = 0
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST_NESTING:
                break
    except yaml.MarkedYAMLError as other:
        # A tab before a comment is an error to it alone.
        ours, theirs = other.problem_mark, error.problem_mark
        tab = "'\\t'" in (other.problem or "")
        return error if tab and ours and theirs and ours.line < theirs.line else other
    except (ValueError, OverflowError):
        # It has no limit for the numbers in escapes and directives.
        return error
    return error


class _Reader:
    """Makes nodes of the parser's events.

    Repeated keys are gathered in ``problems``; everything else that is refused raises.
    """

    def __init__(self, text: str, source: SourceText) -> None:
        # Event by event: what is nested too deep is refused before it is all read.
        self.events = yaml.parse(text, Loader=_LOADER)
        self.source = source
        self.problems: list[Problem] = []

    def read(self) -> Node | None:
        root, documents = None, 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    message = "a second document begins; a config is one"
                    raise self._error(event, "", message, "remove the --- before it")
            elif isinstance(event, yaml.NodeEvent):
                root = self._node(event, "", None, 0)
        return root

    def _node(
        self, event: yaml.Event, path: str, key: Place | None, depth: int
    ) -> Node:
        self._refuse_alias_and_tag(event, path)
        place = self._place(event)
        if isinstance(event, yaml.ScalarEvent):
            return Node(self._scalar(event, path), place, path, key)
        if depth >= DEEPEST_NESTING:
            message = f"nested more than {DEEPEST_NESTING} levels deep"
            raise self._error(event, path, message)
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Node] = []
            while not isinstance(inner := next(self.events), yaml.SequenceEndEvent):
                here = join(path, len(items))
                items.append(self._node(inner, here, None, depth + 1))
            return Node(items, place, path, key)
        members: dict[str, Node] = {}
        while not isinstance(inner := next(self.events), yaml.MappingEndEvent):
            name = self._key(inner, path, members)
            here, value = join(path, name), next(self.events)
            members[name] = self._node(value, here, self._place(inner), depth + 1)
        return Node(members, place, path, key)

    def _key(self, event: yaml.Event, path: str, members: dict[str, Node]) -> str:
        if isinstance(event, yaml.CollectionStartEvent):
            message = "a key must be a word, not a list or a mapping"
            raise self._error(event, path, message)
        self._refuse_alias_and_tag(event, path)
        name: str = getattr(event, "value", "")
        # Half of a tuple, as in {pool_size: (2, 2), strides: (2, 2)}, is told with it.
        if name in members and not re.fullmatch(r"[^(]*\)", name):
            line = members[name].key_or_place.line
            message = f"the key is given twice; first in line {line}"
            place, here = self._place(event), join(path, name)
            # Names of layers begin with a capital letter, and may come again.
            is_layer = name[:1].isupper() and _IN_LIST.match(path)
            hint = "begin every item with '- '" if is_layer else "keep one of them"
            self.problems.append(place.problem(here, message, hint))
        return name

    def _scalar(self, event: yaml.ScalarEvent, path: str) -> Scalar:
        if event.style or not event.implicit[0]:
            return str(event.value)
        try:
            return resolve(event.value)
        except ValueError as error:
            message = f"{error}; at most {LONGEST_NUMBER_DIGITS} are allowed"
            raise self._error(event, path, message) from None

    def _refuse_alias_and_tag(self, event: yaml.Event, path: str) -> None:
        if isinstance(event, yaml.AliasEvent):
            message = "a value that begins with * is an alias, which is not allowed"
            hint = "write the value out, or use a block; put a text in quotes"
            raise self._error(event, path, message, hint)
        tag = getattr(event, "tag", None)
        if tag is not None:
            message = f"the tag {quote(tag)} is not allowed"
            hint = "write the plain value; put a value that begins with ! in quotes"
            raise self._error(event, path, message, hint)

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        return self.source.place(*((mark.line, mark.column) if mark else ()))

    def _error(
        self, event: yaml.Event, path: str, message: str, hint: str = ""
    ) -> ConfigError:
        problem = self._place(event).problem(path, message, hint)
        return ConfigError([*self.problems, problem])
