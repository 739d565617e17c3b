"""Whether the inputs of a training lie on the device, or come as they are used."""

from __future__ import annotations

from cifarcnn.engine import Device
from cifarcnn.engine.device_arrays import free_device_memory
from cifarcnn.engine.distribution import largest_of_hosts
from cifarcnn.training import blocks
from cifarcnn.training.input_pipeline import input_rows
from cifarcnn.training.input_rows import InputRows
from cifarcnn.training.observer import Observer
from cifarcnn.training.training_data import TrainingData

# Of the free memory; the network, its batches and other programs have the rest.
_SHARE = 0.5
# Where nobody says how much is free: less than any card has.
_ALWAYS_FITTING = 2**30


def choose_streamed(
    rows: InputRows,
    what: str,
    device: Device,
    observer: Observer,
    *,
    wanted: bool | None = None,
) -> InputRows | None:
    """The inputs of a training, if they are to be streamed.

    They are where they take more than half of the memory that is free on the device.

    Args:
        rows: The inputs.
        what: What they are, in the plural.
        device: What Keras was started on.
        observer: Is told that they are streamed.
        wanted: Whether to stream them, whatever the memory; ``None``: see above.

    Returns:
        ``rows``, or ``None`` where they are to lie on the device as one table.
    """
    free = free_device_memory(on_gpu=device.kind == "gpu")
    if wanted is None:
        # Where one of several hosts has to, all do: the steps are one program.
        wanted = bool(largest_of_hosts(not fits_device(rows.nbytes, free))[0])
    if not wanted:
        return None
    memory = "memory of the GPU" if device.kind == "gpu" else "memory"
    known = (
        f"the {memory}, of which nobody says how much is free"
        if free is None
        else f"the {describe_bytes(free)} of {memory} that are free"
    )
    observer.noted(
        f"The {what} would take {describe_bytes(rows.nbytes)} of {known}: they are "
        f"streamed, {describe_bytes(blocks.BLOCK_BYTES)} at a time."
    )
    return rows


def bytes_of_table(data: TrainingData, free: int) -> int:
    """What the images of a training take of the memory of the device: 0 if streamed.

    Args:
        data: The images.
        free: The bytes that are free there.
    """
    size = input_rows(data).nbytes
    streamed = not fits_device(size, free) if data.streamed is None else data.streamed
    return 0 if streamed else size


def describe_bytes(count: int) -> str:
    """``1.4 MB``, ``20.5 GB``."""
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"


def fits_device(size: int, free: int | None) -> bool:
    """Whether inputs of so many bytes may lie on a device, of which so many are free.

    Args:
        size: Of the inputs.
        free: ``None`` where nobody says.
    """
    return size <= (_ALWAYS_FITTING if free is None else _SHARE * free)
