"""Everything that ``cifarcnn doctor`` looks at, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from cifarcnn.doctor import files_here, gpus, machine, packages, trials
from cifarcnn.doctor.child import Ending
from cifarcnn.doctor.section import Finding, Section, look
from cifarcnn.engine import nvidia_driver
from cifarcnn.engine.backend_choice import BACKENDS
from cifarcnn.engine.machine import inspect_machine
from cifarcnn.installed import find_module
from cifarcnn.literals import Backend

LIMIT_SECONDS = 90.0


def examine(
    limit_seconds: float = LIMIT_SECONDS, tell: Callable[[str], object] = str
) -> Iterator[Section]:
    """One section after the other, each worked out when it is asked for.

    Args:
        limit_seconds: For each process in which something is tried.
        tell: Told what comes next and takes seconds.
    """
    root = nvidia_driver.ROOT
    tell("importing NumPy, Pillow and LiteRT")
    versions = partial(packages.examine_packages, limit_seconds)
    yield look("versions", "Versions", versions)
    yield look("system", "System", partial(machine.examine_system, root))
    host = inspect_machine()
    yield look("nvidia", "NVIDIA", partial(gpus.examine_nvidia, host))
    endings: dict[Backend, Ending] = {}
    seen: list[Section] = []
    for backend, title in BACKENDS.items():
        if find_module(backend):
            tell(f"asking {title} for its GPUs")
            endings[backend] = gpus.ask_for_devices(backend, limit_seconds)
        ending = endings.get(backend)
        ask = partial(gpus.examine_backend, backend, host, ending, limit_seconds)
        seen.append(look(backend, title, ask))
        yield seen[-1]
    libraries = partial(
        gpus.examine_cuda_libraries, host, endings.get("tensorflow"), seen
    )
    yield look("cuda_libraries", "CUDA libraries", libraries)
    yield look("cpu", "CPU", partial(machine.examine_cpu, root))
    yield look("environment", "Environment variables", machine.examine_environment)
    tell("looking for data sets and caches")
    yield look("data_sets", "Data sets", files_here.examine_data_sets)
    yield look("caches", "Caches", files_here.examine_caches)
    yield look("browser", "Browser", files_here.examine_browser)
    tell("a small convolution on each device")
    devices = {
        name: (ending.answer or {}).get("gpus", [])
        for name, ending in endings.items()
        # What cannot be imported would only take its time again.
        if ending.answer or ending.stage not in ("", "import")
    }
    convolve = partial(trials.examine_convolutions, devices, limit_seconds)
    tried = look("convolutions", "A small convolution", convolve)
    yield tried
    tell("starting as a training does")
    train = partial(trials.examine_training, trials.cpu_works(tried), limit_seconds)
    yield look("training", "Training", train)


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
