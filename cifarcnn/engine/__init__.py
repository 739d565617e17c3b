"""Keras on a device: what only the framework below Keras can do stands here.

Everything else in the package speaks ``keras`` and ``keras.ops``. What is imported here
needs neither; ``backend`` and ``tensorflow_only`` import them, so that they come after
:func:`start`.
"""

from __future__ import annotations

from cifarcnn.engine.determinism import refusals_explained as refusals_explained
from cifarcnn.engine.devices import Device as Device
from cifarcnn.engine.devices import DeviceChoice as DeviceChoice
from cifarcnn.engine.devices import start as start
from cifarcnn.engine.memory import describe_out_of_memory as describe_out_of_memory
from cifarcnn.engine.memory import free_memory as free_memory
from cifarcnn.engine.memory import is_out_of_memory as is_out_of_memory
from cifarcnn.engine.precision import choose_precision as choose_precision
