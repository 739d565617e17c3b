"""What all benchmarks share: the spread of figures, the machine, and the JSON file."""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = ("cifarcnn", "keras", "tensorflow", "torch", "jax", "numpy")


def spread(values):
    """The median of figures and their middle half.

    Returns:
        ``median``, ``low`` and ``high`` (the quarters) and ``count``.
    """
    values = list(values)
    low = high = values[0]
    if len(values) > 1:
        low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return {
        "median": statistics.median(values),
        "low": low,
        "high": high,
        "count": len(values),
    }


def show(figure, form):
    """A spread as ``median (low to high)``, each number written as ``form`` says."""
    return (
        f"{figure['median']:{form}} ({figure['low']:{form}} to {figure['high']:{form}})"
    )


def machine(device="cpu"):
    """What the figures depend on, as it is before the benchmark starts.

    Args:
        device: ``gpu`` names the card and its driver, too.
    """
    return {
        **({"gpu": _gpu()} if device == "gpu" else {}),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(
            os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1
        ),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "packages": _versions(),
        # Of other programs: the benchmark itself has done nothing yet.
        "load_before": round(os.getloadavg()[0], 2),
        "date": time.strftime("%Y-%m-%d"),
    }


def add_device_option(parser):
    parser.add_argument(
        "--device", choices=["cpu", "gpu"], default="cpu", help="default: cpu"
    )


def add_json_option(parser):
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="also write the result there"
    )


def finish(options, place, results):
    """Write the result where ``--json`` says, with the machine and the arguments.

    Args:
        options: Of the command line.
        place: From :func:`machine`, taken before the first measurement.
        results: Anything that JSON holds.
    """
    if options.json is None:
        return
    arguments = {
        name: [str(item) for item in value]
        if isinstance(value, list | tuple)
        else str(value)
        for name, value in vars(options).items()
        # Folders of this machine tell nobody anything.
        if name != "json" and value is not None and not isinstance(value, Path)
    }
    document = {
        "benchmark": Path(sys.argv[0]).stem,
        "arguments": arguments,
        "machine": place,
        "load_after": round(os.getloadavg()[0], 2),
        "results": results,
    }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(f"written: {options.json}", flush=True)


def parser(description):
    """A parser whose help is the first line of a module's text."""
    made = argparse.ArgumentParser(description=description.splitlines()[0])
    add_json_option(made)
    return made


def _processor():
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine()


def _gpu():
    """The first card and its driver, such as ``NVIDIA A100, driver 580.95``."""
    command = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"nvidia-smi does not name a GPU: {error}") from error
    name, _, driver = done.stdout.splitlines()[0].rpartition(", ")
    return f"{name}, driver {driver}"


def _versions():
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
