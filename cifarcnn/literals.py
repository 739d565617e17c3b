"""Choices that the config, the command line and the files of a run have in common.

They stand here because ``predict`` reads the files without the config's start-up time.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

# What is done with an image of other proportions than the network's.
Resize: TypeAlias = Literal["crop", "pad", "stretch"]
# What an image is called where no class fits.
UNSURE = "unsure"
# Views of an image that test-time augmentation averages.
Views: TypeAlias = Literal["none", "mirror", "mirror_and_shift"]
# Keras's names of the dtype policies that a network is trained with.
Policy: TypeAlias = Literal["float32", "mixed_bfloat16", "mixed_float16"]
Precision: TypeAlias = Literal[Policy, "auto"]
# Keras's names of what it runs on.
Backend: TypeAlias = Literal["tensorflow", "jax"]
BackendChoice: TypeAlias = Literal[Backend, "auto"]
# How many devices of a host train together.
DeviceCount: TypeAlias = int | Literal["all"]
# Keras's argument of the same name.
JitCompile: TypeAlias = bool | Literal["auto"]
# How far a run came: ``stopped`` goes on with ``train --resume``.
RunState: TypeAlias = Literal["training", "finished", "stopped", "diverged", "damaged"]
# What ``export`` writes, and what the numbers of a LiteRT file are.
ExportFormat: TypeAlias = Literal["saved_model", "onnx", "litert", "keras", "web"]
ExportPrecision: TypeAlias = Literal["float32", "float16", "int8"]
