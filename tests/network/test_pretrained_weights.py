"""The published weights: fetched by Keras's downloader from a server on loopback.

The files are written here, as large and laid out as the official ones; only where they
lie and their checksum are others.
"""

from __future__ import annotations

import functools
import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarcnn.config import Config, load_config
from cifarcnn.config.layers import applications, find_pretrained
from cifarcnn.config.layers.applications import find_application
from cifarcnn.errors import DataError


@dataclass
class Storage:
    """A place in which Keras's files lie.

    Attributes:
        root: What is served.
        cache: Where Keras keeps files.
        asked: The paths that were asked for.
        cut: Bytes after which a connection breaks; 0: none does.
    """

    root: Path
    cache: Path
    asked: list[str]
    cut: int = 0

    def place(self, name: str, data: bytes, monkeypatch: Any) -> Path:
        """Serve ``data`` as the file of an application; gives its path in the cache."""
        row = applications._table()[name]
        file = str(row["file"]).replace("{size}", "224")
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        if row["hash"] is not None:
            digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
            monkeypatch.setitem(row, "hash", digest)
        find_application.cache_clear()
        return self.cache / "models" / path.name


@pytest.fixture
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    found = Storage(tmp_path / "served", tmp_path / "keras", [])
    found.root.mkdir()

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(self.path)
            super().do_GET()

        def copyfile(self, source: Any, outputfile: Any) -> None:
            outputfile.write(source.read(found.cut or -1))
            if found.cut:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Handler, directory=str(found.root))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}/"
        monkeypatch.setattr(applications, "STORAGE", address)
        monkeypatch.setenv("KERAS_HOME", str(found.cache))
        monkeypatch.delenv("CIFARCNN_OFFLINE", raising=False)
        yield found
        server.shutdown()
    find_application.cache_clear()


MakeConfig = Callable[..., Config]


@pytest.fixture
def configure(tmp_path: Path) -> MakeConfig:
    def make(application: str, weights: str = "imagenet", side: int = 32) -> Config:
        file = tmp_path / "network.yaml"
        resizing = f"    - Resizing: {{height: {side}, width: {side}}}\n"
        file.write_text(
            "data: {dataset: synthetic}\nmodel:\n  layers:\n"
            f"{resizing if side != 32 else ''}"
            f"    - Pretrained: {{application: {application}, weights: {weights}, "
            "pooling: avg}\n    - Dense: {units: 10}\n"
        )
        return load_config(file)

    return make


def write_official(network: Any, path: Path) -> bytes:
    """Its weights as in Keras's files without the classifier; gives the bytes."""
    import h5py
    from keras.src.legacy.saving import legacy_h5_format

    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, network)
    return path.read_bytes()


@pytest.fixture
def build_official(keras: Any, draw_weights: Any) -> Callable[[str, int], Any]:
    """Makes the network of Keras itself, with weights that are not those of ours."""

    def build(name: str, side: int = 32) -> Any:
        network = getattr(keras.applications, name)(
            weights=None, include_top=False, input_shape=(side, side, 3), pooling="avg"
        )
        draw_weights(network)
        return network

    return build


def load(config: Config, fetch: bool | None = None) -> tuple[Any, list[str]]:
    """The network with its weights, and what was said."""
    from cifarcnn.network.builder import build_model
    from cifarcnn.network.pretrained_weights import (
        fetch_weights,
        load_application_weights,
    )

    notes: list[str] = []
    fetch_weights(config, fetch, notes.append)
    network = build_model(config, 10)
    layer = find_pretrained(config.model.layers)
    assert layer is not None
    backbone = network.get_layer(layer.name)
    load_application_weights(backbone, layer)
    return backbone, notes


def test_inception_is_fetched_once_and_gives_what_keras_gives(
    storage: Storage,
    configure: MakeConfig,
    build_official: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    official = build_official("InceptionV3", 75)
    data = write_official(official, tmp_path / "official.h5")
    placed = storage.place("InceptionV3", data, monkeypatch)
    config = configure("InceptionV3", side=75)
    backbone, notes = load(config)
    assert notes == [
        "The ImageNet weights of InceptionV3, about 87 MB, are fetched from "
        f"{applications.STORAGE}tensorflow/keras-applications/inception_v3/"
        "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"
    ]
    assert len(data) > 80_000_000 and placed.read_bytes() == data
    assert [*placed.parent.iterdir()] == [placed]
    # Nothing of Keras's bar among the results.
    assert capsys.readouterr().out == ""
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 75, 75, 3))
    expected = np.asarray(official(pixels / 127.5 - 1))
    found = np.asarray(backbone(pixels))
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()
    # The second time no server is needed.
    _, notes = load(config, fetch=False)
    assert (notes, len(storage.asked)) == ([], 1)


@pytest.fixture
def small(
    storage: Storage,
    build_official: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """MobileNetV3Small's file, served; its path in the cache."""
    network = build_official("MobileNetV3Small")
    data = write_official(network, tmp_path / "official.h5")
    return storage.place("MobileNetV3Small", data, monkeypatch)


def by_hand(path: Path, checksum: str) -> str:
    below = "tensorflow/keras-applications/mobilenet_v3/"
    return (
        f"\nFetch {applications.STORAGE}{below}{path.name}\n"
        f"(its MD5 is {checksum}) on any machine, and put it here as {path}\n"
        "Or give it with weights: PATH, or begin at random with weights: none."
    )


def refusal(config: Config, fetch: bool | None = None) -> str:
    with pytest.raises(DataError) as caught:
        load(config, fetch)
    return str(caught.value)


def test_without_a_network_the_file_its_checksum_and_its_place_are_told(
    small: Path, storage: Storage, configure: MakeConfig, monkeypatch: Any
) -> None:
    config = configure("MobileNetV3Small")
    checksum = str(find_application("MobileNetV3Small").hash)
    begin = "The ImageNet weights of MobileNetV3Small are not here, and "
    end = f", so that nothing is fetched.{by_hand(small, checksum)}"
    assert refusal(config, fetch=False) == f"{begin}--offline was given{end}"
    monkeypatch.setenv("CIFARCNN_OFFLINE", "1")
    assert refusal(config) == f"{begin}CIFARCNN_OFFLINE is set{end}"
    assert storage.asked == []
    # Put there by hand it is taken.
    small.parent.mkdir(parents=True)
    small.write_bytes((storage.root / served(storage)).read_bytes())
    assert load(config, fetch=False)[1] == []


def served(storage: Storage) -> str:
    (path,) = (item for item in storage.root.rglob("*.h5"))
    return str(path.relative_to(storage.root))


def test_half_a_file_and_another_file_are_not_taken_for_it(
    small: Path, storage: Storage, configure: MakeConfig
) -> None:
    config = configure("MobileNetV3Small")
    checksum = str(find_application("MobileNetV3Small").hash)
    whole = (storage.root / served(storage)).read_bytes()
    small.parent.mkdir(parents=True)
    small.write_bytes(whole[:1_000_000])
    assert refusal(config, fetch=False) == (
        "The ImageNet weights of MobileNetV3Small are not those in "
        f"{small}, whose checksum is another: it is cut short or another file, and "
        f"--offline was given, so that nothing is fetched.{by_hand(small, checksum)}"
    )
    # With a network it is fetched anew.
    load(config)
    assert small.read_bytes() == whole
    small.unlink()
    begin = "The ImageNet weights of MobileNetV3Small could not be fetched: "
    (storage.root / served(storage)).write_bytes(whole[:-1] + b"?")
    assert refusal(config) == (
        f"{begin}Incomplete or corrupted file detected. The auto file hash does not "
        f"match the provided value of {checksum}.{by_hand(small, checksum)}"
    )
    storage.cut = 100_000
    assert refusal(config).startswith(f"{begin}retrieval incomplete: got only")
    (storage.root / served(storage)).unlink()
    assert refusal(config) == (
        f"{begin}404 -- File not found{by_hand(small, checksum)}"
    )
    # Nothing is left of what came.
    assert [*small.parent.iterdir()] == []


def test_a_file_of_ones_own_is_loaded_in_both_layouts(
    configure: MakeConfig, build_official: Any, tmp_path: Path
) -> None:
    network = build_official("EfficientNetB0")
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3))
    expected = np.asarray(network(pixels))
    write_official(network, tmp_path / "official.h5")
    network.save_weights(tmp_path / "new.weights.h5")
    for name in ("official.h5", "new.weights.h5"):
        backbone, _ = load(configure("EfficientNetB0", str(tmp_path / name)))
        difference = np.abs(np.asarray(backbone(pixels)) - expected).max()
        assert difference < 1e-5 * np.abs(expected).max(), name


def test_what_keras_adds_for_the_first_efficientnets_is_in_their_weights(
    storage: Storage,
    configure: MakeConfig,
    keras: Any,
    build_official: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = build_official("EfficientNetB0")
    (scaled,) = (x for x in network.layers if type(x).__name__ == "Normalization")
    # As in the official files: the deviation where the variance belongs.
    mean, deviation = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    for weight, values in zip(scaled.weights, (mean, deviation, 0), strict=True):
        weight.assign(np.asarray(values, weight.dtype))
    data = write_official(network, tmp_path / "official.h5")
    placed = storage.place("EfficientNetB0", data, monkeypatch)
    backbone, _ = load(configure("EfficientNetB0"))
    # Keras's own way to load the file, with the layer that it adds.
    monkeypatch.setattr(
        "keras.src.utils.file_utils.get_file", lambda *_, **__: str(placed)
    )
    theirs = keras.applications.EfficientNetB0(
        include_top=False, input_shape=(32, 32, 3), pooling="avg"
    )
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3))
    expected = np.asarray(theirs(pixels))
    largest = np.abs(expected).max()
    assert np.abs(np.asarray(backbone(pixels)) - expected).max() < 1e-5 * largest
    assert np.abs(np.asarray(network(pixels)) - expected).max() > 1e-3 * largest


def test_a_file_that_does_not_fit_is_told_with_what_differs(
    configure: MakeConfig, build_official: Any, tmp_path: Path
) -> None:
    def told(path: Path) -> str:
        message = refusal(configure("MobileNetV2", str(path)))
        begin = f"The weights in {path} cannot be loaded into MobileNetV2 without its "
        assert message.startswith(f"{begin}classifier: ")
        return message.removeprefix(f"{begin}classifier: ")

    other = tmp_path / "other.h5"
    write_official(build_official("MobileNet"), other)
    assert told(other) == (
        "Layer count mismatch when loading weights from file. Model expected 104 "
        "layers, found 54 saved layers."
    )
    half = tmp_path / "half.h5"
    half.write_bytes(other.read_bytes()[:100_000])
    assert "truncated file" in told(half)
    text = tmp_path / "text.h5"
    text.write_text("no weights")
    assert "file signature not found" in told(text)
    missing = tmp_path / "missing.h5"
    assert refusal(configure("MobileNetV2", str(missing))) == (
        f"There is no file {missing}, which weights names."
    )


def test_a_run_that_is_gone_is_told_before_keras_is_started(tmp_path: Path) -> None:
    from cifarcnn.config import Config
    from cifarcnn.network.weights_file import require_weights

    pretrained = {
        "run": str(tmp_path / "gone"),
        "up_to": "conv2d_1",
        "layers": [{"Conv2D": {"filters": 4, "kernel_size": 3, "name": "conv2d_1"}}],
        "normalization": "unit",
        "input_shape": [32, 32, 3],
    }
    layers = [{"Pretrained": pretrained}, "Flatten", {"Dense": 10}]
    config = Config.model_validate(
        {"data": {"dataset": "cifar10"}, "model": {"layers": layers}}
    )
    with pytest.raises(DataError) as caught:
        require_weights(config, None)
    assert str(caught.value) == (
        f"There is no folder {tmp_path / 'gone'} any more, the run that pretrained_1 "
        "is of. Its weights are needed once more to begin a training."
    )
