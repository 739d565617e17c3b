"""YAML text to a tree of nodes, by the rules of YAML 1.2 and with narrow limits.

PyYAML reads YAML 1.1, in which ``1e-3`` is a string, ``no`` is false and ``12:30`` is
750. Only its events are used here; what a scalar means is decided by the core schema
of YAML 1.2.2, section 10.3.2. Aliases, tags and repeated keys are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import yaml

from cifarcnn.config.nodes import Node, Place, Scalar, Source, join
from cifarcnn.errors import ConfigError, Problem

# A resolved network of 300 layers takes about 200 kB.
LARGEST_FILE_BYTES = 1_000_000
DEEPEST_NESTING = 32
LONGEST_NUMBER_DIGITS = 40

_NULL = re.compile(r"~|null|Null|NULL|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"([-+]?)\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


def decode(data: bytes, name: str) -> str:
    """The text of a config file.

    Raises:
        ConfigError: The file is larger than 1 MB or is not UTF-8.
    """
    if len(data) > LARGEST_FILE_BYTES:
        raise ConfigError(
            [
                _file_problem(
                    name,
                    f"the file has {len(data):,} bytes; a config has at most "
                    f"{LARGEST_FILE_BYTES:,}",
                )
            ]
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        raise ConfigError(
            [
                Problem(
                    name,
                    line,
                    column,
                    "",
                    f"byte {data[error.start]:#04x} is not UTF-8 text",
                    "save the file as UTF-8",
                )
            ]
        ) from None


def parse(text: str, source: Source) -> Node:
    """The tree of one YAML document.

    Args:
        text: The document.
        source: What its places refer to.

    Raises:
        ConfigError: The text is empty or not YAML, holds several documents, an alias,
            a tag or a repeated key, is nested more than 32 deep, or has a number of
            more than 40 digits. All repeated keys are reported at once.
    """
    builder = _Builder(source)
    try:
        for event in _events(text):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        what = (error.problem or str(error)).strip()
        raise ConfigError(
            [
                *builder.problems,
                Place(source, line, column).problem("", f"not valid YAML: {what}"),
            ]
        ) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - (text.rfind("\n", 0, error.position) + 1) + 1
        raise ConfigError(
            [
                Place(source, line, column).problem(
                    "", "a control character, which YAML does not allow", "remove it"
                )
            ]
        ) from None
    if builder.problems:
        raise ConfigError(builder.problems)
    if builder.root is None:
        raise ConfigError(
            [
                Place(source, 1, 1).problem(
                    "",
                    "the file is empty; a config needs at least a model",
                    "start from a shipped one: cifarcnn init article my.yaml",
                )
            ]
        )
    return builder.root


def resolve(text: str) -> Scalar:
    """What a plain scalar means by the core schema of YAML 1.2.

    Raises:
        ValueError: A whole number has more than 40 digits.
    """
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text):
        return True
    if _FALSE.fullmatch(text):
        return False
    if _INT.fullmatch(text):
        if len(text) > LONGEST_NUMBER_DIGITS:
            raise ValueError(f"a number of {len(text)} digits")
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return int(text, base)
    if _FLOAT.fullmatch(text):
        return float(text)
    if infinite := _INFINITE.fullmatch(text):
        kind = "nan" if text.lower() == ".nan" else f"{infinite[1] or ''}inf"
        return float(kind)
    return text


def dump(value: object) -> str:
    """Lists, dicts and scalars as YAML text that ``parse`` reads back as they were."""
    text: str = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=88
    )
    return text


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # PyYAML quotes what YAML 1.1 would take for something else; 1e-3 is not among it.
    ambiguous = _FLOAT.fullmatch(text) or _INT.fullmatch(text)
    return dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="'" if ambiguous else None
    )


_Dumper.add_representer(str, _represent_text)


def _events(text: str) -> list[yaml.Event]:
    fast = getattr(yaml, "CSafeLoader", None)
    if fast is not None:
        try:
            return list(yaml.parse(text, Loader=fast))
        except yaml.YAMLError as error:
            # The C and the Python parser word a mistake differently; the words of
            # the Python one are used, so that they are the same on every machine.
            list(yaml.parse(text, Loader=yaml.SafeLoader))
            raise error
    return list(yaml.parse(text, Loader=yaml.SafeLoader))


def _file_problem(name: str, message: str) -> Problem:
    return Problem(name, 1, 1, "", message)


@dataclass
class _Frame:
    """A collection that is being filled."""

    node: Node
    key: str | None = None
    key_place: Place | None = None


@dataclass
class _Builder:
    """Turns parser events into nodes without recursion."""

    source: Source
    root: Node | None = None
    problems: list[Problem] = field(default_factory=list)
    frames: list[_Frame] = field(default_factory=list)
    documents: int = 0

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                self._refuse(event, "a second document begins; a config is one")
        elif isinstance(event, yaml.AliasEvent):
            self._refuse(
                event,
                f"the alias *{event.anchor} is not allowed",
                "write the value out, or name a block under `blocks:`",
            )
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._open(event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self.frames.pop()

    def _refuse(self, event: yaml.Event, message: str, hint: str = "") -> None:
        problem = self._place(event).problem(self._path(), message, hint)
        raise ConfigError([*self.problems, problem])

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        if mark is None:
            return Place(self.source, 1, 1)
        return Place(self.source, mark.line + 1, mark.column + 1)

    def _path(self) -> str:
        if not self.frames:
            return ""
        frame = self.frames[-1]
        if isinstance(frame.node.value, list):
            return join(frame.node.path, len(frame.node.value))
        return (
            frame.node.path if frame.key is None else join(frame.node.path, frame.key)
        )

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        frame = self.frames[-1] if self.frames else None
        if frame and isinstance(frame.node.value, dict) and frame.key is None:
            self._take_key(event, frame)
            return
        if event.tag is not None:
            self._refuse_tag(event, event.tag)
        value: Scalar = event.value
        if event.implicit[0] and not event.style:
            try:
                value = resolve(event.value)
            except ValueError as error:
                self._refuse(event, f"{error}; at most {LONGEST_NUMBER_DIGITS}")
        self._add(value, event)

    def _take_key(self, event: yaml.ScalarEvent, frame: _Frame) -> None:
        if event.tag is not None:
            self._refuse_tag(event, event.tag)
        if isinstance(frame.node.value, dict) and event.value in frame.node.value:
            first = frame.node.value[event.value].key_or_place
            self.problems.append(
                self._place(event).problem(
                    join(frame.node.path, event.value),
                    f"the key is given twice; first in line {first.line}",
                    "keep one of them",
                )
            )
        frame.key, frame.key_place = event.value, self._place(event)

    def _refuse_tag(self, event: yaml.Event, tag: str) -> None:
        self._refuse(
            event,
            f"the tag {tag} is not allowed",
            "write the plain value; quote it to make it a string",
        )

    def _open(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        frame = self.frames[-1] if self.frames else None
        if frame and isinstance(frame.node.value, dict) and frame.key is None:
            self._refuse(event, "a key must be a word, not a list or a mapping")
        if event.tag is not None:
            self._refuse_tag(event, event.tag)
        if len(self.frames) >= DEEPEST_NESTING:
            self._refuse(event, f"nested more than {DEEPEST_NESTING} levels deep")
        empty: dict[str, Node] | list[Node] = (
            {} if isinstance(event, yaml.MappingStartEvent) else []
        )
        self.frames.append(_Frame(self._add(empty, event)))

    def _add(
        self, value: Scalar | list[Node] | dict[str, Node], event: yaml.Event
    ) -> Node:
        place, path = self._place(event), self._path()
        if not self.frames:
            self.root = Node(value, place, path)
            return self.root
        frame = self.frames[-1]
        node = Node(value, place, path, frame.key_place)
        if isinstance(frame.node.value, list):
            frame.node.value.append(node)
        elif isinstance(frame.node.value, dict) and frame.key is not None:
            frame.node.value[frame.key] = node
            frame.key = frame.key_place = None
        return node
