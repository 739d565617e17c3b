"""Make the folder of a network that comes with the program from that of a run.

    cifarcnn train --config speedrun --set data.validation_fraction=0.1 --run RUN
    python benchmarks/ship_run.py RUN cifarcnn/shipped_runs/speedrun --data DATA \\
        --pictures "CIFAR-10"

RUN is finished and has validation pictures, DATA holds its data set. The weights become
float16, and so do those of model.tflite; what names a place on this machine is left
out. The accuracies are measured with the new files, those of the test pictures last and
once.
"""

import argparse
import hashlib
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np

from cifarcnn.config import load_config
from cifarcnn.evaluation.fitted_temperature import fit_on_answers
from cifarcnn.loaded_run import load_run
from cifarcnn.runs import Run
from cifarcnn.runs.folder import HISTORY
from cifarcnn.runs.litert_file import LITERT
from cifarcnn.runs.manifest import (
    MANIFEST,
    WEIGHTS_FILES,
    ArrayRecord,
    LitertRecord,
    WeightsRecord,
    hash_config,
    read_manifest,
)
from cifarcnn.runs.shipped_runs import CARD
from cifarcnn.runs.temperature_file import write_temperature
from cifarcnn.runs.weights import pack_arrays


def write_config(run: Run, folder: Path):
    """The config without the place of the data."""
    (folder / "config.yaml").write_bytes(run.config_path.read_bytes())
    config = load_config(folder / "config.yaml", {"data.path": None})
    Run(folder).write_config(config)


def write_metrics(run: Run, pictures, folder: Path):
    """The figures, and the curves."""
    found = run.read_metrics()
    found["data"]["origin"] = pictures
    Run(folder).write_metrics(found)
    shutil.copy(run.path / HISTORY, folder)


def write_environment(run: Run, pictures, folder: Path):
    """Versions, device, seed and data; the command without places."""
    found = run.read_environment()
    # That it was stopped in between changes nothing of it.
    found.pop("resumed", None)
    command = ["cifarcnn"]
    words = iter(found["command_line"][1:])
    for word in words:
        if word in ("--set", "--run", "--device", "--backend", "--data"):
            value = next(words)
            if word != "--set" or value.startswith("data.path="):
                continue
            command += [word, value]
        else:
            command.append(word)
    found["command_line"] = command
    found["data"]["origin"] = pictures
    Run(folder).write_environment(found)
    return " ".join(command)


def write_weights(run: Run, arrays, epoch, folder: Path):
    """The weights as float16, and a manifest that lists them."""
    small = {
        name: array.astype(np.float16) if array.dtype == np.float32 else array
        for name, array in arrays.items()
    }
    content = pack_arrays(folder, small)
    (folder / WEIGHTS_FILES["selected"]).write_bytes(content)
    record = WeightsRecord(
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        epoch=epoch,
        arrays={
            name: ArrayRecord(shape=array.shape, dtype=array.dtype.name)
            for name, array in small.items()
        },
    )
    weights = {WEIGHTS_FILES["selected"]: (record,)}
    if run.config.training.weights == "last":
        # They are the last ones as well.
        weights[WEIGHTS_FILES["last"]] = (record,)
    update = {"config_sha256": hash_config(folder), "weights": weights, "litert": None}
    manifest = read_manifest(run.path).model_copy(update=update)
    (folder / MANIFEST).write_bytes(manifest.to_json())


def write_litert(folder: Path, data):
    """model.tflite as float16; returns the network as Keras has it."""
    from cifarcnn.litert.conversion import convert_reduced

    loaded = load_run(folder, device="cpu", backend="tensorflow", data_path=data)
    content = convert_reduced(loaded.model, loaded.class_names, "float16")
    (folder / LITERT).write_bytes(content)
    record = LitertRecord(
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        weights_sha256=loaded.weights_sha256,
        views=loaded.views,
        resize=loaded.config.data.resize,
    )
    manifest = read_manifest(folder).model_copy(update={"litert": record})
    (folder / MANIFEST).write_bytes(manifest.to_json())
    return loaded


def judge_litert(loaded, split, answers):
    """How far model.tflite is from Keras."""
    from cifarcnn.litert.runtime import LiteRTModel
    from cifarcnn.network.test_time_augmentation import average_views

    content = (loaded.path / LITERT).read_bytes()
    model = LiteRTModel(LITERT, content, len(loaded.class_names))
    others = average_views(model.predict, split.images, views=loaded.views)
    same = int((others.argmax(axis=1) == answers.argmax(axis=1)).sum())
    right = float((others.argmax(axis=1) == split.labels).mean())
    print(f"model.tflite: largest difference {np.abs(others - answers).max():.1e}, the")
    print(f"same label for {same:,} of {len(answers):,}, accuracy {right:.2%}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--pictures", default="CIFAR-10")
    options = parser.parse_args()
    run = Run.open_finished(options.run)
    stored = load_run(run.path, device="cpu", backend="tensorflow")
    from cifarcnn.network.weights import read_weights

    arrays = read_weights(stored.model)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "run"
        folder.mkdir()
        write_config(run, folder)
        command = write_environment(run, options.pictures, folder)
        write_weights(run, arrays, stored.epoch, folder)
        write_metrics(run, options.pictures, folder)
        loaded = write_litert(folder, options.data)
        split = loaded.split("validation")
        answers = loaded.predict(split.images)
        record = fit_on_answers(answers, split.labels, loaded.weights_sha256)
        write_temperature(folder, record)
        judge_litert(loaded, split, answers)
        test = loaded.evaluate("test")
        card = {
            "trained_on": options.pictures,
            "command": command,
            "seed": loaded.config.training.seed,
            "validation_accuracy": float((answers.argmax(1) == split.labels).mean()),
            "validation_pictures": len(split.labels),
            "test_accuracy": test.accuracy,
            "test_accuracy_interval": test.accuracy_interval,
            "test_pictures": test.examples,
        }
        (folder / CARD).write_text(json.dumps(card, indent=2) + "\n")
        for path in folder.iterdir():
            path.chmod(0o644)
        options.out.parent.mkdir(exist_ok=True)
        shutil.copytree(folder, options.out)
    print(json.dumps(card, indent=2))


if __name__ == "__main__":
    main()
