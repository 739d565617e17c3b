"""The same bits from every training of one seed, where a GPU computes it.

A CPU gives them anyway. On a GPU XLA adds up in whatever order is fastest, and takes
the kernels that were fastest when it tried them; one flag of its forbids both. It reads
its flags once in a process.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterable, Iterator

from cifarcnn.errors import DeviceError

# TensorFlow and JAX of every version that cifarcnn runs on know it.
_FLAG = "xla_gpu_deterministic_ops"
# Kernels that some earlier process found the fastest.
_AUTOTUNED = (
    "xla_gpu_load_autotune_results_from",
    "xla_gpu_per_fusion_autotune_cache_dir",
)
_WAY_OUT = "or train with --set training.deterministic=false"


def prepare_deterministic(device: str) -> None:
    """Set the variable that XLA reads, before the backend of Keras is imported.

    What the user has in it stays. In a process that runs Keras already it is left as
    it is, for :func:`require_deterministic` to see.

    Args:
        device: ``cpu``, ``gpu`` or ``auto``; nothing is to be done for ``cpu``.

    Raises:
        DeviceError: The variable says the opposite, or names a file.
    """
    flags = os.environ.get("XLA_FLAGS", "").split()
    if device == "cpu":
        return
    if flags and not flags[0].startswith("-"):
        raise DeviceError(
            f"The environment variable XLA_FLAGS names the file {flags[0]}, to which "
            "training.deterministic cannot add its flag. Write the flags themselves "
            f"into the variable, {_WAY_OUT}."
        )
    for flag in flags:
        name, _, value = flag.lstrip("-").partition("=")
        # Without a value it is true; XLA takes the last of several.
        opposite = name == _FLAG and value.lower() in ("false", "0")
        if opposite or (name in _AUTOTUNED and value):
            raise DeviceError(
                f"The environment variable XLA_FLAGS holds {flag}, with which "
                "training.deterministic cannot be kept on a GPU. Take it out, "
                f"{_WAY_OUT}."
            )
    if not _is_set(flags) and not {"keras", "tensorflow", "jax"} & set(sys.modules):
        os.environ["XLA_FLAGS"] = " ".join([*flags, f"--{_FLAG}=true"])


def require_deterministic() -> None:
    """See that XLA has got its flag. To be called where a GPU is used.

    Raises:
        DeviceError: Keras was running in this process before it could get it.
    """
    if not _is_set(os.environ.get("XLA_FLAGS", "").split()):
        raise DeviceError(
            "training.deterministic cannot be kept on a GPU in a process that runs "
            "Keras already: XLA reads its flags once. Start a new process, set the "
            f"environment variable XLA_FLAGS=--{_FLAG}=true before the first one, "
            f"{_WAY_OUT}."
        )


def _is_set(flags: Iterable[str]) -> bool:
    names = (flag.lstrip("-").partition("=")[0] for flag in flags)
    return _FLAG in names


@contextlib.contextmanager
def refusals_explained(layer_names: Iterable[str]) -> Iterator[None]:
    """Say it in a sentence when an operation cannot give the same bits each time.

    Args:
        layer_names: Of the network, to name the one that it belongs to.

    Raises:
        DeviceError: TensorFlow or XLA refused one within the context.
    """
    try:
        yield
    except Exception as error:
        text = str(error)
        lines = [line.strip() for line in text.splitlines()]
        reason = next((line for line in lines if "determinis" in line.lower()), "")
        if not reason or "unimplemented" not in f"{type(error)} {text}".lower():
            raise
        place = _find_layer(text, set(layer_names))
        place = f" (layer {place})" if place else ""
        raise DeviceError(
            f"training.deterministic cannot be kept on this GPU{place}: "
            f"{reason.rstrip('.')}. Train on the device cpu, where it always is, or on "
            f"Keras's other backend, {_WAY_OUT}."
        ) from error


def _find_layer(text: str, names: set[str]) -> str | None:
    """The layer among the parts of the path that TensorFlow names an operation by."""
    for part in re.findall(r"[\w.-]+(?=/)", text):
        # A name that was there before gets a number behind it.
        for name in (part, re.sub(r"_\d+$", "", part)):
            if name in names:
                return name
    return None
