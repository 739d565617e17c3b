"""Whether the inputs of a training lie on the device, or come as they are used."""

from __future__ import annotations

from cifarcnn.engine import Device
from cifarcnn.engine.device_arrays import free_device_memory
from cifarcnn.training.input_pipeline import BLOCK_BYTES
from cifarcnn.training.input_rows import InputRows
from cifarcnn.training.observer import Observer
from cifarcnn.training.training_data import TrainingData

# Of the free memory; the network, its batches and other programs have the rest.
_SHARE = 0.5
# Where nobody says how much is free: less than any card has.
_ALWAYS_FITTING = 2**30


def choose_streamed(
    rows: InputRows, data: TrainingData, device: Device, observer: Observer
) -> InputRows | None:
    """The inputs of a training, if they are to be streamed.

    They are where they take more than half of the memory that is free on the device,
    or where ``data`` asks for it.

    Args:
        rows: The inputs: images, or features of them.
        data: The images.
        device: What Keras was started on.
        observer: Is told that they are streamed.

    Returns:
        ``None`` where they are to lie on the device as one table.
    """
    free = free_device_memory(on_gpu=device.kind == "gpu")
    streamed = data.streamed
    if streamed is None:
        most = _ALWAYS_FITTING if free is None else _SHARE * free
        streamed = rows.nbytes > most
    if not streamed:
        return None
    place = "of the GPU " if device.kind == "gpu" else ""
    known = "" if free is None else f" of {free / 1e9:,.1f} GB that are free"
    observer.noted(
        f"The pictures would take {rows.nbytes / 1e9:,.1f} GB of the memory {place}"
        f"{known}: they are streamed, {BLOCK_BYTES // 2**20} MB at a time."
    )
    return rows
