"""The NVIDIA cards, and whether TensorFlow and JAX see them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata
from typing import Any

from cifarcnn.doctor.child import ProbeResult, run_probe
from cifarcnn.doctor.failures import explain_failure, find_words_about_gpus
from cifarcnn.doctor.section import Finding, Section, format_bytes
from cifarcnn.engine.backend_choice import BACKENDS
from cifarcnn.engine.card_memory import read_free_bytes
from cifarcnn.engine.cuda_libraries import CudaLibrary
from cifarcnn.engine.machine import Machine
from cifarcnn.engine.missing_gpu import explain_missing_gpu
from cifarcnn.literals import Backend


def examine_nvidia(machine: Machine) -> Section:
    """The driver and the cards, as the driver's own library has them."""
    driver = machine.driver
    free = read_free_bytes() if driver.cards else {}
    cards = [
        {
            "name": card.name,
            "memory_bytes": card.memory_bytes,
            "free_memory_bytes": free.get(card.uuid),
            "compute_capability": list(card.compute_capability),
        }
        for card in driver.cards
    ]
    problem = driver.complaint or (driver.error and driver.error[1])
    facts = {
        "driver_loaded": machine.has_driver,
        "driver_version": machine.driver_version,
        "cuda_version": list(driver.cuda) if driver.cuda else None,
        "hidden": machine.hidden,
        "cards": cards,
        "problem": problem,
    }
    if not machine.has_driver:
        on_bus = "NVIDIA" in machine.makers
        card_line = "one is plugged in" if on_bus else "none was found"
        lines = [("driver", "not loaded"), ("cards", card_line)]
        return Section("nvidia", "NVIDIA", facts, lines)
    lines = [("driver", machine.driver_version or "loaded, of unknown version")]
    if driver.cuda:
        lines.append(("CUDA", "up to {}.{}".format(*driver.cuda)))
    for number, card in enumerate(driver.cards):
        left = free.get(card.uuid)
        memory = format_bytes(card.memory_bytes)
        memory += "" if left is None else f", {format_bytes(left)} free"
        capability = "compute capability {}.{}".format(*card.compute_capability)
        lines.append((f"card {number}", f"{card.name}, {memory}, {capability}"))
    if not driver.cards:
        lines.append(("cards", f"none is listed: {problem or 'the driver has none'}"))
    return Section("nvidia", "NVIDIA", facts, lines)


def ask_for_devices(backend: Backend) -> ProbeResult:
    """Import a backend in a process of its own, and ask it for its GPUs."""
    return run_probe(f"probe_{backend}", "devices")


def examine_backend(
    backend: Backend, machine: Machine, result: ProbeResult | None
) -> Section:
    """Whether a backend sees a GPU, and if not, why.

    Args:
        backend: Which.
        machine: From ``inspect_machine``.
        result: From :func:`ask_for_devices`; ``None``: it is not installed.
    """
    title = BACKENDS[backend]
    facts: dict[str, Any] = {"installed": result is not None, "gpus": []}
    facts |= {"reason": None, "command": None, "said": None}
    if result is None:
        return Section(backend, title, facts, [("", "not installed")])
    if result.answer is None:
        finding = explain_failure(result, title, backend)
        facts |= {"reason": finding.message, "command": finding.command}
        return Section(backend, title, facts, [("fails", finding.message)], [finding])
    if gpus := result.answer["gpus"]:
        facts["gpus"] = gpus
        names = [(f"GPU {number}", _name(gpu)) for number, gpu in enumerate(gpus)]
        return Section(backend, title, facts, names)
    libraries = [CudaLibrary(**each) for each in result.answer.get("libraries", ())]
    missing = explain_missing_gpu(backend, machine, libraries)
    reason = missing.reason if missing.command else str(missing)
    facts |= {"reason": reason, "command": missing.command}
    lines = [("GPU", f"none: {missing}")]
    said = result.answer.get("said") or find_words_about_gpus(result)
    if said and machine.has_driver:
        facts["said"] = said
        lines.append(("it says", said))
    return Section(backend, title, facts, lines)


def _find_missing_gpu(machine: Machine, sections: Sequence[Section]) -> list[Finding]:
    """What to mend where there is a card, and no backend sees it."""
    facts = [section.facts for section in sections]
    there = machine.has_driver or "NVIDIA" in machine.makers
    if not there or any(fact["gpus"] for fact in facts):
        return []
    return [
        Finding(f"{section.title} sees no GPU: {section.facts['reason']}", command)
        for section in sections
        if section.facts["reason"] and not section.findings
        for command in [section.facts["command"]]
    ]


def _name(gpu: dict[str, Any]) -> str:
    capability = gpu["compute_capability"]
    if isinstance(capability, list):
        capability = ".".join(map(str, capability))
    more = f", compute capability {capability}" if capability else ""
    return f"{gpu['name']}{more}"


def examine_cuda_libraries(
    machine: Machine, result: ProbeResult | None, backends: Sequence[Section]
) -> Section:
    """The CUDA libraries that TensorFlow would open, and the packages that bring any.

    Args:
        machine: From ``inspect_machine``.
        result: TensorFlow's, from :func:`ask_for_devices`.
        backends: From :func:`examine_backend`.
    """
    found = (result.answer or {}).get("libraries", []) if result else []
    packages = {
        name: distribution.version
        for distribution in metadata.distributions()
        if (name := (distribution.metadata["Name"] or "").lower()).startswith("nvidia-")
    }
    lines = [
        (each["name"], each["path"] or each["error"] or "not found") for each in found
    ]
    if not machine.has_driver:
        lines = [("", "not looked for: no NVIDIA driver is loaded")]
    elif not found:
        lines = [("", "TensorFlow was not asked for them, or did not answer")]
    lines += sorted(packages.items())
    facts = {"libraries": found, "packages": packages}
    findings = _find_missing_gpu(machine, backends)
    return Section("cuda_libraries", "CUDA libraries", facts, lines, findings)
