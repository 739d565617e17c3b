"""``report.html`` in the folder of a run: written by train, completed by evaluate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cifarcnn.config import Config
from cifarcnn.engine.device_arrays import computes_on_cpu, peak_device_memory
from cifarcnn.engine.memory import peak_memory
from cifarcnn.evaluation import Evaluation
from cifarcnn.page.report import (
    LINK_BEGIN,
    LINK_END,
    TEST_BEGIN,
    TEST_END,
    TEST_LINK,
    Training,
    render_report,
    render_test_figures,
)
from cifarcnn.runs import Run
from cifarcnn.runs.folder import HISTORY, REPORT
from cifarcnn.runs.history import to_records
from cifarcnn.runs.safe_io import read_bytes, write_file
from cifarcnn.training.diagnosis import diagnose_divergence
from cifarcnn.training.observer import Outcome
from cifarcnn.training.resume import newest_environment
from cifarcnn.training.training_data import TrainingData

_LIMIT = 64 * 1024 * 1024


def write_report(
    run: Run,
    config: Config,
    data: TrainingData,
    outcome: Outcome | None,
    problem: str | None = None,
) -> Path:
    """Write the page about a training that has ended.

    Args:
        run: With the documents of the training.
        config: Of the training.
        data: Its images.
        outcome: What it came to; ``None`` where it diverged.
        problem: How it diverged.

    Raises:
        RunError: The page cannot be written, or a document of the run is damaged.
    """
    history = run.path / HISTORY
    if outcome is not None:
        records = outcome.records
    else:
        records = tuple(to_records(run.read_history())) if history.exists() else ()
    training = Training(
        name=str(run.path),
        config=config,
        data=data,
        records=records,
        kept=outcome.kept if outcome else None,
        weights=outcome.weights if outcome else "",
        probabilities=outcome.validation_probabilities if outcome else None,
        findings=outcome.diagnosis if outcome else (diagnose_divergence(config),),
        problem=problem,
        facts=_facts(run.read_environment(), records, outcome, data),
    )
    path = run.path / REPORT
    # Names of files may hold what no text can.
    write_file(path, render_report(training).encode("utf-8", "replace"))
    return path


def add_test_figures(
    run: Run, evaluation: Evaluation, class_names: Sequence[str], said: str
) -> Path | None:
    """Put the figures of the test pictures into the page, in the place of earlier ones.

    Args:
        run: Of a training that came to its end.
        evaluation: Of the test pictures.
        class_names: The classes.
        said: Which weights and pictures these are.

    Returns:
        The page; ``None`` where there is none with a place for them.

    Raises:
        RunError: The page cannot be read or written.
    """
    path = run.path / REPORT
    if not path.is_file():
        return None
    page = read_bytes(path, _LIMIT).decode("utf-8", "replace")
    figures = render_test_figures(evaluation, class_names, said)
    found = _put_between(page, TEST_BEGIN, figures, TEST_END)
    if found is None:
        return None
    # A page of before there was such a link has no place for it.
    linked = _put_between(found, LINK_BEGIN, TEST_LINK, LINK_END)
    write_file(path, (linked or found).encode())
    return path


def _put_between(page: str, begin: str, text: str, end: str) -> str | None:
    """The page with a text in the place of what lies there; ``None`` without one."""
    before, found, rest = page.partition(begin)
    _, found_end, after = rest.rpartition(end)
    if not found or not found_end:
        return None
    return f"{before}{begin}\n{text}\n{end}{after}"


def _facts(
    environment: Mapping[str, object],
    records: Sequence[Any],
    outcome: Outcome | None,
    data: TrainingData,
) -> list[tuple[str, str]]:
    newest: Mapping[str, Any] = newest_environment(environment)
    device = newest.get("device", {})
    facts = [
        ("device", str(device.get("description", "unknown"))),
        ("devices", str(device.get("count", 1))),
        ("threads", str(device.get("threads", "unknown"))),
        ("precision", str(newest.get("precision", "unknown"))),
        ("data", f"{data.dataset.name}, {data.dataset.origin}"),
        ("checksum of the data", str(data.dataset.checksum)),
        ("training pictures", f"{len(data.split.labels):,}"),
    ]
    if data.validation is not None:
        facts.append(("validation pictures", f"{len(data.validation.labels):,}"))
    if outcome is not None:
        facts.append(("time of all epochs", f"{outcome.duration_seconds:,.1f} s"))
    if records:
        seconds = sum(record.duration_seconds for record in records) / len(records)
        speed = sum(record.pictures_per_second for record in records) / len(records)
        facts += [
            ("time of an epoch", f"{seconds:,.1f} s"),
            ("speed", f"{speed:,.0f} training pictures per second"),
        ]
    memory = {"process": peak_memory()}
    if not computes_on_cpu():
        memory["GPU"] = peak_device_memory()
    facts += [
        (f"memory of the {name}, at most", f"{peak / 2**20:,.0f} MB")
        for name, peak in memory.items()
        if peak is not None
    ]
    versions = newest.get("versions", {})
    facts += [(str(name), str(version)) for name, version in versions.items()]
    command = newest.get("command_line")
    if isinstance(command, list):
        facts.append(("command", " ".join(map(str, command))))
    return facts
