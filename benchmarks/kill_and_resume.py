"""Trainings that are killed again and again, and must come to the same numbers.

    python benchmarks/kill_and_resume.py --kills 100

Two small networks are trained on drawn images, each once without interruption. Then
the same training is started, killed (SIGKILL) at a random moment of its start, its
steps or its end, gone on with by ``train --resume``, killed again, and so on to its
end. It saves a checkpoint every few steps, so that many kills fall into the writing of
one. At the end all weights, those of the best epoch, the optimizer's numbers and the
history (but for its times) must equal those of the first training bit for bit.

    python benchmarks/kill_and_resume.py --soak-minutes 30

The same with a long training and few kills, while the memory and the open files of each
process are looked at: behind its first 100 checkpoints it must not grow.
"""

import csv
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import report

COMMAND = [sys.executable, "-m", "cifarcnn", "train"]
SHARED = """
name: killed
data:
  dataset: synthetic
  augmentation: [{RandomFlip: {alternate: true}}, {RandomTranslation: 2}, %(mixing)s]
model:
  layers:
    - Conv2D: {filters: 8, kernel_size: 3, strides: 2, activation: relu}
    - BatchNormalization
    - Dropout: 0.2
    - Conv2D: {filters: 16, kernel_size: 3, strides: 2, activation: relu}
    - GlobalAveragePooling2D
    - Dense: {units: 10, activation: softmax}
training:
  batch_size: 64
  steps_per_execution: 3
  checkpoint_minutes: 1e-6
"""
CONFIGS = {
    "lookahead": SHARED % {"mixing": "{RandomErasing: 8}"}
    + """
  epochs: 3
  optimizer: {Muon: {learning_rate: 0.01}}
  learning_rate_schedule: {CosineDecay: {warmup_epochs: 0.5}}
  averaging: Lookahead
""",
    "plateau": SHARED % {"mixing": "MixUp"}
    + """
  epochs: 4
  optimizer: {Adam: {learning_rate: 0.01}}
  learning_rate_schedule: {ReduceLROnPlateau: {patience: 1, factor: 0.5}}
  early_stopping: {patience: 3}
  averaging: {ExponentialMovingAverage: {momentum: 0.98}}
  class_weights: balanced
""",
}
_TIMES = ("duration_seconds", "pictures_per_second")


class Training:
    """A process that trains; knows when its start is over."""

    def __init__(self, arguments, folder):
        self.process = subprocess.Popen(
            [*COMMAND, *map(str, arguments), "--device", "cpu"],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.begun = threading.Event()
        self.lines = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line.rstrip())
            if line.startswith("network:"):
                self.begun.set()
        self.begun.set()

    def end(self):
        """The exit code, after the process came to its end by itself."""
        self.process.wait()
        self._reader.join()
        return self.process.returncode

    def kill_after(self, seconds, *, from_first_step):
        """Kill it; tells whether it was still there."""
        if from_first_step:
            self.begun.wait()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.end()
        return self.process.returncode == -9


def outcome(run):
    """All that must not depend on interruptions, as bytes and text."""
    with (run / "history.csv").open(newline="") as file:
        history = [
            {key: value for key, value in row.items() if key not in _TIMES}
            for row in csv.DictReader(file)
        ]
    return {
        "history": history,
        "kept": json.loads((run / "metrics.json").read_text())["kept"]["epoch"],
        "weights": _arrays(run / "weights.safetensors"),
        "last": _arrays(run / "last.safetensors"),
        "checkpoint": _arrays(max((run / "checkpoint").glob("*.safetensors"))),
    }


def _arrays(path):
    from safetensors.numpy import load_file

    return {
        name: (array.dtype.name, array.shape, array.tobytes())
        for name, array in load_file(path).items()
    }


def reference(folder, name):
    """The uninterrupted training: its outcome, and how long start and steps took."""
    start = time.monotonic()
    training = Training(["--config", f"{name}.yaml", "--run", f"{name}-whole"], folder)
    training.begun.wait()
    begun = time.monotonic()
    if training.end() != 0:
        raise SystemExit("\n".join(training.lines))
    end = time.monotonic()
    return outcome(folder / f"{name}-whole"), begun - start, end - begun


def train_with_kills(folder, name, number, chance, times):
    """One training to its end; how often it was killed, and what was said of it."""
    run = f"{name}-{number}"
    before, steps = times
    kills, said = 0, []
    while True:
        begun = (folder / run / "config.yaml").exists()
        if not begun and (folder / run).exists():
            # Killed before it was a run; no work is lost.
            run += "x"
        training = Training(
            ["--resume", run] if begun else ["--config", f"{name}.yaml", "--run", run],
            folder,
        )
        early = chance.random() < 0.15
        seconds = chance.uniform(0, before if early else steps)
        killed = training.kill_after(seconds, from_first_step=not early)
        said += [line for line in training.lines if "damaged" in line]
        if not killed:
            if training.process.returncode != 0:
                raise SystemExit("\n".join(training.lines))
            return folder / run, kills, said
        kills += 1


def count_differences(found, expected):
    return [key for key in expected if found[key] != expected[key]]


def kill_again_and_again(options, folder):
    chance = random.Random(options.seed)
    known = {name: reference(folder, name) for name in CONFIGS}
    result = {"kills": 0, "trainings": 0, "unequal": 0, "damaged": 0}
    while result["kills"] < options.kills:
        name = list(CONFIGS)[result["trainings"] % len(CONFIGS)]
        expected, *times = known[name]
        number = result["trainings"]
        run, kills, said = train_with_kills(folder, name, number, chance, times)
        different = count_differences(outcome(run), expected)
        result["kills"] += kills
        result["trainings"] += 1
        result["damaged"] += len(said)
        result["unequal"] += bool(different)
        print(
            f"{name}: {kills} kills, "
            f"{'equal' if not different else 'DIFFERENT: ' + ', '.join(different)}; "
            f"{result['kills']} kills in all",
            flush=True,
        )
    return result


def look(process):
    """Memory in MB and open files of a process; ``None`` when it is gone."""
    folder = Path(f"/proc/{process.pid}")
    try:
        text = (folder / "status").read_text()
        files = len(list((folder / "fd").iterdir()))
        memory = next(x for x in text.splitlines() if x.startswith("VmRSS"))
    except (OSError, StopIteration):
        return None
    return int(memory.split()[1]) / 1000, files


def soak(options, folder):
    """One long training with a kill every few minutes."""
    end = time.monotonic() + 60 * options.soak_minutes
    chance = random.Random(options.seed)
    lives = []
    while time.monotonic() < end:
        begun = (folder / "soaked" / "config.yaml").exists()
        arguments = ["--config", "lookahead.yaml", "--run", "soaked"]
        arguments += ["--set", "training.epochs=100000"]
        training = Training(["--resume", "soaked"] if begun else arguments, folder)
        training.begun.wait()
        time.sleep(20)
        stop = min(end, time.monotonic() + chance.uniform(180, 420))
        looks = []
        while time.monotonic() < stop and (seen := look(training.process)):
            looks.append(seen)
            time.sleep(2)
        alive = training.process.poll() is None
        training.kill_after(0, from_first_step=False)
        if not alive:
            raise SystemExit("\n".join(training.lines))
        if looks:
            lives.append(
                {
                    "looks": len(looks),
                    "memory_mb_first": looks[0][0],
                    "memory_mb_last": looks[-1][0],
                    "memory_mb_most": max(memory for memory, _ in looks),
                    "files_first": looks[0][1],
                    "files_last": looks[-1][1],
                    "files_most": max(files for _, files in looks),
                }
            )
            print(lives[-1], flush=True)
    with (folder / "soaked" / "history.csv").open() as file:
        return {"lives": lives, "epochs": len(file.readlines()) - 1}


def main():
    parser = report.parser(__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--soak-minutes", type=float, help="a long training instead")
    options = parser.parse_args()
    place = report.machine()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for config, text in CONFIGS.items():
            (folder / f"{config}.yaml").write_text(text)
        act = soak if options.soak_minutes else kill_again_and_again
        found = act(options, folder)
    print(json.dumps(found))
    report.finish(options, place, found)
    if found.get("unequal"):
        raise SystemExit("a training that was killed came to other numbers")


if __name__ == "__main__":
    main()
