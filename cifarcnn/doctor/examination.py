"""Everything that ``cifarcnn doctor`` looks at, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from cifarcnn.doctor import files_here, gpus, machine, packages, trials
from cifarcnn.doctor.child import ProbeResult
from cifarcnn.doctor.section import Finding, Section, make_section
from cifarcnn.engine import nvidia_driver
from cifarcnn.engine.backend_choice import BACKENDS
from cifarcnn.engine.machine import inspect_machine
from cifarcnn.installed import find_module
from cifarcnn.literals import Backend


def examine(announce: Callable[[str], object]) -> Iterator[Section]:
    """One section after the other, each worked out when it is asked for.

    Args:
        announce: Told what comes next and takes seconds.
    """
    root = nvidia_driver.ROOT
    announce("importing NumPy, Pillow and LiteRT")
    yield make_section("versions", "Versions", packages.examine_packages)
    yield make_section("system", "System", partial(machine.examine_system, root))
    host = inspect_machine()
    yield make_section("nvidia", "NVIDIA", partial(gpus.examine_nvidia, host))
    results: dict[Backend, ProbeResult] = {}
    seen: list[Section] = []
    for backend, title in BACKENDS.items():
        if find_module(backend):
            announce(f"asking {title} for its GPUs")
            results[backend] = gpus.ask_for_devices(backend)
        result = results.get(backend)
        ask = partial(gpus.examine_backend, backend, host, result)
        seen.append(make_section(backend, title, ask))
        yield seen[-1]
    libraries = partial(
        gpus.examine_cuda_libraries, host, results.get("tensorflow"), seen
    )
    yield make_section("cuda_libraries", "CUDA libraries", libraries)
    yield make_section("cpu", "CPU", partial(machine.examine_cpu, root))
    yield make_section(
        "environment", "Environment variables", machine.examine_environment
    )
    announce("looking for data sets and caches")
    yield make_section("data_sets", "Data sets", files_here.examine_data_sets)
    yield make_section("caches", "Caches", files_here.examine_caches)
    yield make_section("browser", "Browser", files_here.examine_browser)
    announce("a small convolution on each device")
    devices = {
        name: (result.answer or {}).get("gpus", [])
        for name, result in results.items()
        # What cannot be imported would only take its time again.
        if result.answer or result.stage not in ("", "import")
    }
    convolve = partial(trials.examine_convolutions, devices)
    tried = make_section("convolutions", "A small convolution", convolve)
    yield tried
    announce("starting as a training does")
    train = partial(trials.examine_training, trials.cpu_works(tried))
    yield make_section("training", "Training", train)


def can_train(sections: Sequence[Section]) -> bool:
    """Whether a training would work, on the CPU at least."""
    training = next(each.facts for each in sections if each.key == "training")
    return training.get("device") is not None


def list_findings(sections: Sequence[Section]) -> list[Finding]:
    """What to mend, each once, in the order in which it was found."""
    found: dict[str, Finding] = {}
    for finding in (each for section in sections for each in section.findings):
        key = finding.package or finding.command or finding.message
        found.setdefault(key, finding)
    return list(found.values())
