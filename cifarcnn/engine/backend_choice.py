"""Which backend Keras runs on: TensorFlow or JAX.

An option of the call comes first, then the environment variable ``KERAS_BACKEND``, then
the config. Where none of them names one, JAX is taken where it can use a GPU, and else
TensorFlow. Nothing is imported to find that out where JAX has no plugin for a GPU.
"""

from __future__ import annotations

import contextlib
import os
import pkgutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cifarcnn.engine.nvidia_driver import cards_are_hidden, has_nvidia_driver
from cifarcnn.errors import DeviceError, first_line
from cifarcnn.installed import find_module
from cifarcnn.literals import Backend, BackendChoice

# Keras's name of each backend, and its own.
BACKENDS: Mapping[Backend, str] = {"tensorflow": "TensorFlow", "jax": "JAX"}
VARIABLE = "KERAS_BACKEND"
_SEVERAL_DEVICES = "Training on several devices"
WITHOUT_XLA = (
    "On several devices TensorFlow does without XLA, so that cards need two to four "
    "times as long; JAX is faster (--backend jax)."
)
_PACKAGES = {"tensorflow": ("tensorflow",), "jax": ("jax", "jaxlib")}


@dataclass(frozen=True)
class ChosenBackend:
    """The backend to run Keras on.

    Attributes:
        name: Keras's name of it.
        asked_by: Who asks for it, as a sentence begins; ``None``: nobody does.
        note: Who asks in vain for another, or why JAX was passed over.
    """

    name: Backend
    asked_by: str | None = None
    note: str | None = None


def choose_backend(
    option: BackendChoice | None = None,
    configured: BackendChoice = "auto",
    before: str | None = None,
    *,
    gpu_allowed: bool = True,
    several_devices: bool = False,
) -> ChosenBackend:
    """The backend of this process.

    Args:
        option: Of this call; ``auto`` leaves it to the machine, whatever the
            environment and the config say, and ``None`` leaves it to these.
        configured: ``training.backend``.
        before: What the training that goes on now ran on. It is taken again where it
            is installed and nobody asks for another, for the same numbers.
        gpu_allowed: Whether the network may run on a GPU.
        several_devices: Whether several train together, for which JAX is taken.

    Raises:
        DeviceError: ``KERAS_BACKEND`` names another backend than these two, or Keras
            was imported in this process with another one than is asked for.
    """
    wishes = _collect_wishes(option, configured)
    if several_devices:
        wishes.append((_SEVERAL_DEVICES, "jax"))
    who, wanted = wishes[0] if wishes else ("", "auto")
    asked, running, note = _find_backend(wanted), _running_backend(), None
    if asked and running not in (None, asked):
        raise DeviceError(
            f"{who} asks for {asked}, but Keras runs on {running} since it was "
            "imported in this process, and cannot change. Start a new process, or ask "
            f"for {running}."
        )
    name = asked or running
    if name is None:
        name, note = _choose_by_machine(before, gpu_allowed)
    note = join_notes(note, *_describe_overruled(wishes, name))
    return ChosenBackend(name, who if asked else None, note)


def describe_missing(chosen: ChosenBackend, package: str) -> str:
    """The sentence for a backend that is asked for and lacks a Python package."""
    other: Backend = "jax" if chosen.name == "tensorflow" else "tensorflow"
    offered = is_installed(other) and chosen.asked_by != _SEVERAL_DEVICES
    way_out = f", or ask for {other}" if offered else ""
    return (
        f"{chosen.asked_by} asks for {chosen.name}, but the Python package {package} "
        f"is not installed. Install it{way_out}."
    )


def is_installed(backend: Backend) -> bool:
    """Whether a backend seems to be there; it is not imported."""
    specs = map(find_module, _PACKAGES[backend])
    # Without an origin it is a folder with nothing in it.
    return all(spec is not None and spec.origin for spec in specs)


def join_notes(*notes: str | None) -> str | None:
    """Those that there are, as one text."""
    return " ".join(filter(None, notes)) or None


def _collect_wishes(
    option: BackendChoice | None, configured: BackendChoice
) -> list[tuple[str, BackendChoice]]:
    """Who asks for what, the strongest first."""
    wishes: list[tuple[str, BackendChoice]] = []
    if option is not None:
        wishes.append(("The option backend", option))
    # Keras takes an empty one for none.
    if variable := os.environ.get(VARIABLE):
        wanted = _find_backend(variable)
        if wanted is None:
            raise DeviceError(
                f"The environment variable {VARIABLE} asks for {variable!r}, but "
                f"cifarcnn runs on {' or '.join(BACKENDS)}. Unset it, or name one of "
                "these."
            )
        wishes.append((f"The environment variable {VARIABLE}", wanted))
    if configured != "auto":
        wishes.append(("The config's training.backend", configured))
    return wishes


def _describe_overruled(
    wishes: list[tuple[str, BackendChoice]], name: Backend
) -> Iterable[str]:
    for who, wanted in wishes[1:]:
        if wanted not in ("auto", name):
            winner = wishes[0][0]
            winner = winner[0].lower() + winner[1:]
            yield f"{who} asks for {wanted}, but {winner} comes first."


def _find_backend(name: str) -> Backend | None:
    return next((known for known in BACKENDS if known == name), None)


def _running_backend() -> Backend | None:
    """What Keras runs on in this process; ``None`` before it is imported.

    Raises:
        DeviceError: It is none of ours.
    """
    keras = sys.modules.get("keras")
    if keras is None:
        return None
    running = keras.config.backend()
    found = _find_backend(running)
    if found is None:
        raise DeviceError(
            f"Keras runs on {running} since it was imported in this process, but "
            f"cifarcnn runs on {' or '.join(BACKENDS)}. Start a new process."
        )
    return found


def _choose_by_machine(
    before: str | None, gpu_allowed: bool
) -> tuple[Backend, str | None]:
    """JAX where it can use a GPU; and why not, where that was to be expected."""
    known = _find_backend(before or "")
    if known and is_installed(known):
        return known, None
    if not is_installed("jax"):
        return "tensorflow", None
    if not is_installed("tensorflow"):
        return "jax", None
    if not gpu_allowed or not _may_find_gpu():
        return "tensorflow", None
    if complaint := _try_gpu_of_jax():
        return "tensorflow", f"JAX is installed for a GPU, but not used: {complaint}."
    return "jax", None


def _may_find_gpu() -> bool:
    """Whether it is worth importing JAX to look for a GPU."""
    platforms = os.environ.get("JAX_PLATFORMS", "").split(",")
    if not {"", "cuda", "gpu", "rocm"} & set(platforms):
        return False
    spec = find_module("jax_plugins")
    places = spec.submodule_search_locations if spec else None
    names = [module.name for module in pkgutil.iter_modules(places or ())]
    nvidia = has_nvidia_driver() and not cards_are_hidden()
    return any(nvidia or "cuda" not in name for name in names)


@contextlib.contextmanager
def collect_refusals(into: list[str]) -> Iterator[None]:
    """Take what plugins for a GPU raise, which JAX only logs, with a traceback."""
    import logging

    def keep(record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            into.append(first_line(error))
        return error is None

    log = logging.getLogger("jax._src.xla_bridge")
    log.addFilter(keep)
    try:
        yield
    finally:
        log.removeFilter(keep)


def _try_gpu_of_jax() -> str | None:
    """Run a small convolution on the first device of JAX; what is wrong, if any."""
    refused: list[str] = []
    try:
        import jax

        with collect_refusals(refused):
            jax.devices()
        device = jax.devices()[0]
        if device.platform != "gpu":
            # Raises with the reason, where JAX knows one.
            jax.devices("cuda")
            return f"it computes on {device.platform}, although it lists a GPU"
        image = jax.numpy.ones((1, 4, 4, 1))
        kernel = jax.numpy.ones((3, 3, 1, 1))
        layout = ("NHWC", "HWIO", "NHWC")
        result = jax.lax.conv_general_dilated(
            image, kernel, (1, 1), "VALID", dimension_numbers=layout
        )
        found = float(result[0, 0, 0, 0])
    except Exception as error:
        # Whatever a broken driver or installation raises here.
        refused.append(first_line(error))
        return f"it failed with: {refused[0].rstrip('.')}"
    return None if found == 9 else f"a small convolution on {device} gave {found:g}"
