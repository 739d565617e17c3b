"""What is tried: a small convolution on each device, and the start of a training."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from cifarcnn.doctor.child import run_probe
from cifarcnn.doctor.endings import explain_ending
from cifarcnn.doctor.section import Section
from cifarcnn.engine.backend_choice import BACKENDS, VARIABLE, is_installed
from cifarcnn.engine.missing_gpu import GPU_EXTRA, JAX_EXTRA
from cifarcnn.literals import Backend

# So that the CPU is tried also where the driver of a card is not well.
_WITHOUT_GPU = {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
# What each backend calls its devices.
_NAMES = {"tensorflow": ("/CPU:0", "/GPU:{}"), "jax": ("cpu:0", "gpu:{}")}
# With the CUDA libraries, which are what fails on a GPU.
_EXTRAS = {"tensorflow": GPU_EXTRA, "jax": JAX_EXTRA}


def examine_convolutions(
    gpus: Mapping[Backend, list[Any]], limit_seconds: float
) -> Section:
    """Time a 3x3 convolution on every device, each in a process of its own.

    Args:
        gpus: Of each installed backend those that it sees.
        limit_seconds: For each.
    """
    facts: list[dict[str, Any]] = []
    lines, findings = [], []
    for backend, device, name in _list_devices(gpus):
        title = f"{BACKENDS[backend]}, {device}"
        begin = time.monotonic()
        ending = run_probe(
            f"probe_{backend}",
            name,
            limit_seconds=limit_seconds,
            environment=_WITHOUT_GPU if device == "CPU" else None,
        )
        seconds = time.monotonic() - begin
        fact = {"backend": backend, "device": device, "process_seconds": seconds}
        if ending.answer is None:
            finding = explain_ending(
                ending, f"{BACKENDS[backend]} on {device}", backend, limit_seconds
            )
            if device != "CPU" and finding.command:
                finding = replace(finding, command=_EXTRAS[backend], package=None)
            findings.append(finding)
            lines.append((title, finding.message))
            facts.append({**fact, "problem": finding.message})
            continue
        times = ending.answer
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


def examine_training(cpu_works: bool, limit_seconds: float) -> Section:
    """Start as ``train`` does, on the device that it would take; else on the CPU.

    Args:
        cpu_works: Whether any library computes on the CPU.
        limit_seconds: For each.
    """
    title = "Training"
    ending = run_probe("probe_training", "auto", limit_seconds=limit_seconds)
    if found := ending.answer:
        since = _explain_backend(found["backend"])
        found["backend_reason"] = since
        lines = [
            ("device", found["description"]),
            ("backend", f"{BACKENDS[found['backend']]}, since {since}"),
            ("precision", f"auto takes {found['precision_auto']}"),
        ]
        lines += [("note", found["note"])] if found["note"] else []
        return Section("training", title, {**found, "problem": None}, lines)
    finding = explain_ending(ending, "A training", "cifarcnn", limit_seconds)
    found = None
    if cpu_works:
        cpu = run_probe("probe_training", "cpu", limit_seconds=limit_seconds)
        found = cpu.answer
    if found:
        facts = {**found, "problem": finding.message}
        way = "works with: cifarcnn train --device cpu"
        lines = [("fails", finding.message), ("CPU", way)]
    else:
        facts = {"problem": finding.message, "device": None}
        lines = [("fails", finding.message)]
    return Section("training", title, facts, lines, [finding])


def _explain_backend(backend: Backend) -> str:
    """Why a training takes it where no config and no option names one."""
    if os.environ.get(VARIABLE):
        return f"{VARIABLE} asks for it"
    other: Backend = "jax" if backend == "tensorflow" else "tensorflow"
    if not is_installed(other):
        return f"{BACKENDS[other]} is not installed"
    return "it sees a GPU" if backend == "jax" else "JAX sees no GPU"
