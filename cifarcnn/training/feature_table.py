"""The table of features that a training uses in place of its images, where it can."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cifarcnn.config.layers import AnyLayer
from cifarcnn.config.named_choice import external
from cifarcnn.engine import Device, free_memory
from cifarcnn.errors import Stopped
from cifarcnn.training.feature_cache import (
    FeatureFile,
    features_key,
    find_features,
    find_refusal,
)
from cifarcnn.training.features import FeatureNetworks, FeatureRows, compute_features
from cifarcnn.training.observer import Observer
from cifarcnn.training.streaming import describe_bytes

Array = np.ndarray[Any, Any]

# Of the free memory, for features that cannot be kept on disk.
_MEMORY_SHARE = 4
_MEMORY_BYTES_UNKNOWN = 10**9


class FeatureTable:
    """Finds or computes the features of the fixed layers of a network."""

    def __init__(
        self,
        networks: FeatureNetworks,
        rows: FeatureRows,
        observer: Observer,
        signals: Sequence[int],
    ) -> None:
        """Prepare to.

        Args:
            networks: The fixed layers, with the weights that they are to have.
            rows: The images.
            observer: Is told how large the features are, and how far they are.
            signals: Those that ask the process to end.
        """
        self.networks = networks
        self.rows = rows
        self.observer = observer
        self.signals = signals
        self.shape = (rows.count, *networks.fixed.output_shape[1:])
        self.size_bytes = 4 * int(np.prod(self.shape))

    def load(
        self, layers: Sequence[AnyLayer], device: Device, precision: str
    ) -> Array | None:
        """The features, float32, a row for each row of images.

        Args:
            layers: The fixed ones.
            device: What computes.
            precision: What the layers compute in.

        Returns:
            ``None`` where there is room for them nowhere, which the observer is told.

        Raises:
            Stopped: A signal came.
        """
        facts = {
            "layers": external(layers),
            "flips": [flip.mode for flip in self.rows.flips],
            "precision": precision,
            "device": [device.kind, device.description, device.threads],
            "versions": dict(device.versions),
        }
        key = features_key(self.networks.fixed, self.rows.plain_batches(), facts)
        size = describe_bytes(self.size_bytes)
        found = find_features(key)
        if found is not None and found.shape == self.shape:
            self._note(f"come from the cache: {size}")
            return found
        refusal = find_refusal(self.size_bytes)
        if refusal is None:
            self._note(
                f"are computed once, and kept for the next training: {size} (cifarcnn "
                "doctor --clear-caches removes them)"
            )
            return self._compute(key)
        if not self._fits_memory():
            self._note(f"would take {size}, and every epoch computes them: {refusal}")
            return None
        self._note(f"are computed once, and held in memory: {size}; {refusal}")
        return self._compute(None)

    def _compute(self, key: str | None) -> Array | None:
        held = np.empty(self.shape, np.float32) if self._fits_memory() else None
        file = self._open(key) if key else None
        if held is None and file is None:
            return None
        done = 0
        try:
            for batch in compute_features(self.networks.fixed, self.rows, self._tell):
                if held is not None:
                    held[done : done + len(batch)] = batch
                done += len(batch)
                if file is not None and not self._keep(file, batch):
                    file.close()
                    file = None
                    if held is None:
                        return None
            return self._finish(key, file, held)
        finally:
            if file is not None:
                file.close()

    def _finish(
        self, key: str | None, file: FeatureFile | None, held: Array | None
    ) -> Array | None:
        if file is not None:
            try:
                file.finish()
            except OSError as error:
                self._note(f"cannot be kept: {error.strerror}")
        return held if held is not None else find_features(key or "")

    def _open(self, key: str) -> FeatureFile | None:
        try:
            return FeatureFile(key, self.shape)
        except OSError as error:
            self._note(f"cannot be kept: {error.strerror}")
            return None

    def _keep(self, file: FeatureFile, batch: Array) -> bool:
        try:
            file.write(batch.data)
        except OSError as error:
            self._note(f"cannot be kept: {error.strerror}")
            return False
        return True

    def _fits_memory(self) -> bool:
        free = free_memory()
        most = _MEMORY_BYTES_UNKNOWN if free is None else free // _MEMORY_SHARE
        return self.size_bytes <= most

    def _tell(self, done: int, images_per_second: float) -> None:
        self.observer.features_computed(done, self.rows.count, images_per_second)
        if self.signals:
            raise Stopped(
                self.signals[0],
                f"Stopped after the features of {done:,} of {self.rows.count:,} "
                "pictures; nothing was trained meanwhile, and no feature is kept.",
            )

    def _note(self, sentence: str) -> None:
        self.observer.noted(f"the features of the frozen layers {sentence}")
