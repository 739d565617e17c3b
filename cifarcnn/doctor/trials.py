"""What is tried: a small convolution on each device, and the start of a training."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from cifarcnn.doctor.child import run_probe
from cifarcnn.doctor.failures import explain_failure
from cifarcnn.doctor.section import Section
from cifarcnn.engine.backend_choice import BACKENDS, VARIABLE, is_installed
from cifarcnn.engine.missing_gpu import GPU_EXTRA, JAX_EXTRA
from cifarcnn.literals import Backend

# So that the CPU is tried also where the driver of a card is not well.
_WITHOUT_GPU = {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
# What each backend calls its devices.
_NAMES = {"tensorflow": ("/CPU:0", "/GPU:{}"), "jax": ("cpu:0", "gpu:{}")}
# Of what failed, so that the document has its keys.
_NO_TIMES = {"first_milliseconds": None, "median_milliseconds": None}
_NO_TRAINING: dict[str, Any] = dict.fromkeys(
    ("device", "backend", "backend_reason", "description", "note", "precision_auto")
)
# With the CUDA libraries, which are what fails on a GPU.
_EXTRAS = {"tensorflow": GPU_EXTRA, "jax": JAX_EXTRA}


def examine_convolutions(gpus: Mapping[Backend, list[Any]]) -> Section:
    """Time a 3x3 convolution on every device, each in a process of its own.

    Args:
        gpus: Of each installed backend those that it sees.
    """
    facts: list[dict[str, Any]] = []
    lines, findings = [], []
    for backend, device, name in _list_devices(gpus):
        title = f"{BACKENDS[backend]}, {device}"
        begin = time.monotonic()
        result = run_probe(
            f"probe_{backend}",
            name,
            environment=_WITHOUT_GPU if device == "CPU" else None,
        )
        seconds = time.monotonic() - begin
        fact = {"backend": backend, "device": device, "process_seconds": seconds}
        if result.answer is None:
            finding = explain_failure(
                result, f"{BACKENDS[backend]} on {device}", backend
            )
            if device != "CPU" and finding.command:
                finding = replace(finding, command=_EXTRAS[backend], package=None)
            findings.append(finding)
            lines.append((title, finding.message))
            facts.append({**fact, **_NO_TIMES, "problem": finding.message})
            continue
        times = result.answer
        lines.append(
            (
                title,
                f"{times['median_milliseconds']:.3g} ms (the first "
                f"{times['first_milliseconds']:.3g} ms, the start {seconds:.1f} s)",
            )
        )
        facts.append({**fact, **times, "problem": None})
    if not facts:
        lines.append(("", "not tried: neither TensorFlow nor JAX can be imported"))
    return Section("convolutions", "A small convolution", facts, lines, findings)


def _list_devices(
    gpus: Mapping[Backend, list[Any]],
) -> Iterator[tuple[Backend, str, str]]:
    """Of each device its backend, its name for people, and that for the backend."""
    for backend, seen in gpus.items():
        cpu, gpu = _NAMES[backend]
        yield backend, "CPU", cpu
        for number in range(len(seen)):
            yield backend, f"GPU {number}", gpu.format(number)


def cpu_works(tried: Section) -> bool:
    """Whether a library computes on the CPU; ``tried`` is of the convolutions."""
    facts = tried.facts if isinstance(tried.facts, list) else []
    return any(fact["device"] == "CPU" and not fact["problem"] for fact in facts)


def examine_training(cpu_works: bool) -> Section:
    """Start as ``train`` does, on the device that it would take; else on the CPU.

    Args:
        cpu_works: Whether any library computes on the CPU.
    """
    title = "Training"
    result = run_probe("probe_training", "auto")
    if found := result.answer:
        since = _explain_backend(found["backend"])
        found["backend_reason"] = since
        lines = [
            ("device", found["description"]),
            ("backend", f"{BACKENDS[found['backend']]}, since {since}"),
            ("precision: auto", f"would take {found['precision_auto']}"),
        ]
        lines += [("note", found["note"])] if found["note"] else []
        return Section("training", title, {**found, "problem": None}, lines)
    finding = explain_failure(result, "A training", "cifarcnn")
    found = run_probe("probe_training", "cpu").answer if cpu_works else None
    lines = [("fails", finding.message)]
    if found:
        found["backend_reason"] = _explain_backend(found["backend"])
        lines.append(("CPU", "works with: cifarcnn train --device cpu"))
    facts = {**(found or _NO_TRAINING), "problem": finding.message}
    return Section("training", title, facts, lines, [finding])


def _explain_backend(backend: Backend) -> str:
    """Why a training takes it where no config and no option names one."""
    if os.environ.get(VARIABLE):
        return f"{VARIABLE} asks for it"
    other: Backend = "jax" if backend == "tensorflow" else "tensorflow"
    if not is_installed(other):
        return f"{BACKENDS[other]} is not installed"
    return "it sees a GPU" if backend == "jax" else "JAX uses no GPU here"
