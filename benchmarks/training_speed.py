"""Training speed: cifarcnn beside plain Keras, PyTorch, and Keras on JAX.

    python benchmarks/training_speed.py --network article --batch-size 128 --data DATA

DATA holds CIFAR-10 in any form that cifarcnn reads; left out, images are drawn. Every
contestant trains the same network in a process of its own, and all are alive at once;
in turn each goes on for a few seconds while the others are stopped (SIGSTOP), so that a
machine whose speed drifts slows all alike. With ``--device gpu`` they share the card,
and each counts what the card has done, not what it is still to do. A slice begins where
a step ended and ends with a step. Counted are the images that a contestant learns from
in its slices, everything between the steps included: reading ahead, callbacks, the ends
of epochs.

Products of large matrices run in turn with them, and the better of TensorFlow's and
PyTorch's is taken for the most that the machine can do in each precision. The share of
it that a training reaches counts the multiply-accumulates of the layer table of
``cifarcnn check`` (convolutions and dense layers, forward), two operations each, three
times: forward, and twice that backward. All else that a step does counts for nothing.
"""

import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import report

HERE = Path(__file__).parent
OURS = "cifarcnn-bfloat16"
# A step of any contestant takes less.
_LONGEST_STEP = 300.0
_MATRIX_SECONDS = 0.6
# In GB: what a contestant may need.
_LEAST_MEMORY = 3.0


@dataclass(frozen=True)
class Contestant:
    """A script, what it is called with, and the framework that it needs."""

    script: str
    precision: str
    needs: str = "tensorflow"
    arguments: tuple[str, ...] = ()
    backend: str = "tensorflow"
    # Of the devices that it is compared on where nobody names contestants.
    devices: tuple[str, ...] = ("cpu", "gpu")


CONTESTANTS = {
    "cifarcnn-float32": Contestant("cifarcnn_training.py", "float32"),
    "cifarcnn-bfloat16": Contestant("cifarcnn_training.py", "mixed_bfloat16"),
    "cifarcnn-recipe": Contestant(
        "cifarcnn_training.py", "mixed_bfloat16", arguments=("--recipe",), devices=()
    ),
    "cifarcnn-jax-float32": Contestant(
        "cifarcnn_training.py", "float32", "jax", backend="jax", devices=("gpu",)
    ),
    "cifarcnn-jax-bfloat16": Contestant(
        "cifarcnn_training.py", "mixed_bfloat16", "jax", backend="jax", devices=("gpu",)
    ),
    "keras-float32": Contestant("keras_training.py", "float32"),
    "keras-bfloat16": Contestant("keras_training.py", "mixed_bfloat16"),
    "torch-float32": Contestant("torch_training.py", "float32", "torch"),
    "torch-bfloat16": Contestant("torch_training.py", "mixed_bfloat16", "torch"),
    "torch-compiled-bfloat16": Contestant(
        "torch_training.py",
        "mixed_bfloat16",
        "torch",
        arguments=("--compile",),
        devices=("gpu",),
    ),
    "keras-jax-float32": Contestant(
        "keras_training.py", "float32", "jax", backend="jax"
    ),
    "keras-jax-bfloat16": Contestant(
        "keras_training.py", "mixed_bfloat16", "jax", backend="jax", devices=("gpu",)
    ),
}
MATRICES = {
    f"matrix-{framework}-{precision.removeprefix('mixed_')}": Contestant(
        "matrix_product.py", precision, framework, ("--framework", framework)
    )
    for framework in ("tensorflow", "torch")
    for precision in ("float32", "mixed_bfloat16")
}


class Process:
    """One contestant at work or stopped, and how much it has done."""

    def __init__(self, name, contestant, options, folder):
        self.name = name
        self.counter = folder / f"{name}.count"
        self.counter.write_bytes(bytes(8))
        self.errors = folder / f"{name}.errors"
        command = [sys.executable, str(HERE / contestant.script)]
        command += ["--counter", str(self.counter), *contestant.arguments]
        command += ["--precision", contestant.precision, "--network", options.network]
        command += ["--batch-size", str(options.batch_size)]
        command += ["--device", options.device]
        if options.data:
            command += ["--data", str(options.data.resolve())]
        place = folder / f"{name}.folder"
        place.mkdir()
        environment = {
            **os.environ,
            "KERAS_BACKEND": contestant.backend,
            # All share one card.
            "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
            "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        }
        if options.device == "cpu":
            environment |= {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""}
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                command,
                cwd=place,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )

    def done(self):
        return int.from_bytes(self.counter.read_bytes(), "little")

    def wait_for_step(self):
        """What is done when the next step ends."""
        before, start = self.done(), time.perf_counter()
        while (now := self.done()) == before:
            if self.process.poll() is not None:
                text = self.errors.read_text(errors="replace").strip()
                raise SystemExit(f"{self.name} ended: {text[-2000:]}")
            if time.perf_counter() > start + _LONGEST_STEP:
                raise SystemExit(f"{self.name} stands still")
            time.sleep(0.002)
        return now

    def warm_up(self, count):
        """Let graphs be built and caches filled, then stop it."""
        while self.wait_for_step() < count:
            pass
        self.process.send_signal(signal.SIGSTOP)

    def run_slice(self, seconds):
        """How much it does in a second, while it alone runs."""
        before, start = self.done(), time.perf_counter()
        self.process.send_signal(signal.SIGCONT)
        time.sleep(seconds)
        after = self.wait_for_step()
        end = time.perf_counter()
        self.process.send_signal(signal.SIGSTOP)
        return (after - before) / (end - start)

    def memory(self):
        """The most memory that it held so far, in MB."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        lines = dict(line.split(":", 1) for line in text.splitlines())
        return round(int(lines["VmHWM"].split()[0]) / 1000)

    def end(self):
        self.process.kill()
        self.process.wait()


def alternate(options, contestants):
    """All in turn, round by round.

    Returns:
        The speeds of each by its name, one for each round, and its memory.
    """
    speeds = {name: [] for name in contestants}
    processes = []
    with tempfile.TemporaryDirectory() as name:
        try:
            for called, contestant in contestants.items():
                _check_memory(called)
                process = Process(called, contestant, options, Path(name))
                processes.append(process)
                process.warm_up(_warm_images(options))
                print(f"warm: {called}", file=sys.stderr, flush=True)
            end = time.monotonic() + 60 * options.minutes
            for number in range(options.rounds):
                # Who goes first changes, so that a drift favours none.
                first = number % len(processes)
                for process in processes[first:] + processes[:first]:
                    matrices = process.name in MATRICES
                    seconds = _MATRIX_SECONDS if matrices else options.seconds
                    speeds[process.name].append(process.run_slice(seconds))
                if time.monotonic() > end:
                    break
            memory = {process.name: process.memory() for process in processes}
        finally:
            for process in processes:
                process.end()
    return speeds, memory


def _check_memory(name):
    """End with a sentence before the system ends processes for want of memory."""
    text = Path("/proc/meminfo").read_text()
    lines = dict(line.split(":", 1) for line in text.splitlines())
    free = int(lines["MemAvailable"].split()[0]) / 1e6
    if free < _LEAST_MEMORY:
        raise SystemExit(
            f"Only {free:.1f} GB of memory are left before {name} starts: name fewer "
            "--contestants, or take a smaller --batch-size."
        )


def _warm_images(options):
    """Until here graphs are built, also that of a last batch with fewer images."""
    if options.warm_pictures is not None:
        return options.warm_pictures
    batches = 3 * options.batch_size
    if options.network == "speedrun":
        return batches  # drops that batch
    return batches + (50_000 if options.data else 10_000)


def judge(speeds, memory, network):
    """The figures of each contestant from its speeds."""
    from cifarcnn.config import load_config, summarize

    macs = summarize(load_config(network)).macs
    peaks = {}
    for name in MATRICES.keys() & speeds.keys():
        precision = name.rpartition("-")[2]
        speed = report.spread(speeds[name])["median"]
        peaks[precision] = max(peaks.get(precision, (0.0, "")), (speed, name))
    rows = {}
    for name in speeds:
        if name in MATRICES:
            continue
        row = {
            "pictures_per_second": report.spread(speeds[name]),
            "peak_memory_mb": memory[name],
        }
        for ours in ("cifarcnn-float32", OURS):
            if ours in speeds and ours != name:
                # A machine that stands still for a slice must not end the comparison.
                row[f"{ours}_is_times_as_fast"] = report.spread(
                    own / other if other else math.inf
                    for own, other in zip(speeds[ours], speeds[name], strict=True)
                )
        precision = "float32" if name.endswith("float32") else "bfloat16"
        if precision in peaks:
            row["share_of_peak"] = report.spread(
                6 * macs * own / peak
                for own, peak in zip(
                    speeds[name], speeds[peaks[precision][1]], strict=True
                )
            )
        rows[name] = row
    return {
        "network": network,
        "forward_macs": macs,
        "matrix_product_peak": {
            precision: {"by": name, "gflop_per_second": report.spread(gflops)}
            for precision, (_, name) in sorted(peaks.items())
            for gflops in [[speed / 1e9 for speed in speeds[name]]]
        },
        "contestants": rows,
    }


def print_table(found, options):
    print(
        f"{found['network']}, batch {options.batch_size}, "
        f"{found['forward_macs']:,} multiply-accumulates forward"
    )
    for precision, peak in found["matrix_product_peak"].items():
        speed = report.show(peak["gflop_per_second"], ",.0f")
        print(f"  matrix product {precision}: {speed} GFLOP/s by {peak['by']}")
    for name, row in found["contestants"].items():
        cells = [f"{report.show(row['pictures_per_second'], ',.0f')} pictures/s"]
        for key, figure in row.items():
            if key.endswith("fast"):
                words = key.replace("_", " ")
                cells.append(f"{words}: {report.show(figure, '.2f')}")
        if "share_of_peak" in row:
            cells.append(f"share of peak {report.show(row['share_of_peak'], '.1%')}")
        cells.append(f"at most {row['peak_memory_mb']:,} MB")
        for place, cell in enumerate(cells):
            print(f"  {name if place == 0 else '':<20} {cell}", flush=True)


def main():
    parser = report.parser(__doc__)
    parser.add_argument("--network", choices=["article", "speedrun"], default="article")
    parser.add_argument("--batch-size", type=int, default=128)
    report.add_device_option(parser)
    parser.add_argument("--data", type=Path, help="CIFAR-10; else drawn pictures")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--minutes", type=float, default=10, help="at most, when warm")
    parser.add_argument("--seconds", type=float, default=2, help="of a slice, at least")
    parser.add_argument(
        "--contestants",
        nargs="+",
        choices=CONTESTANTS,
        metavar="NAME",
        help=", ".join(CONTESTANTS),
    )
    parser.add_argument("--warm-pictures", type=int, help="learnt from before")
    parser.add_argument("--no-peak", action="store_true", help="no matrix products")
    options = parser.parse_args()
    # Else what is stopped just then would stay so for ever.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    place = report.machine(options.device)
    options.contestants = options.contestants or [
        name for name, each in CONTESTANTS.items() if options.device in each.devices
    ]
    wanted = {name: CONTESTANTS[name] for name in options.contestants}
    if not options.no_peak:
        wanted |= MATRICES
    contestants = {}
    for name, contestant in wanted.items():
        if find_spec(contestant.needs):
            contestants[name] = contestant
        else:
            print(f"left out: {name}, because {contestant.needs} is not installed")
    found = judge(*alternate(options, contestants), options.network)
    print_table(found, options)
    report.finish(options, place, found)


if __name__ == "__main__":
    main()
