"""Where the time of a training on the CPU goes, and whether its memory stays flat.

    python benchmarks/time_between_steps.py article --data DATA [--epochs 5]
        [--set data.validation_fraction=0.1]

A real training of a shipped config through ``cifarcnn.train``, with clocks put around
its pieces from outside: the steps, the callbacks, the validation, the end of an epoch.
What the thread does that makes the batches of the next epoch is counted as processor
time, since it works beside the steps.

Steps are slowed where something works beside them. So after each epoch the same
function is run again on batches that lie ready, with no Python beside it; what a step
takes longer in the training is what goes to anything but the step, all told. (These
steps learn too: the accuracy of this training means nothing.)
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import contextlib
import json
import statistics
import tempfile
import time
from pathlib import Path

import report

# Of steps on the ready batches, after each epoch.
_READY_SECONDS = 3.0
END = "end of the epoch: saving, telling"


class Clock:
    """Seconds by name, in one epoch."""

    def __init__(self):
        self.seconds = {}
        self.begun = {}

    @contextlib.contextmanager
    def running(self, name, now=time.perf_counter):
        start = now()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + now() - start

    def wrap(self, owner, method, name, now=time.perf_counter):
        """Put the clock around a method of a class."""
        original = getattr(owner, method)

        def timed(*arguments, **named):
            self.begun.setdefault(name, time.perf_counter())
            with self.running(name, now):
                return original(*arguments, **named)

        setattr(owner, method, timed)

    def take(self):
        """What was counted since the last time, and when each began at first."""
        taken = self.seconds, self.begun
        self.seconds, self.begun = {}, {}
        return taken


class Ready:
    """The function of the training, and the numbers of its first epoch."""

    def __init__(self):
        self.given = None

    def hold(self, function, numbers, steps):
        """Take those of the first execution."""
        if self.given is None:
            self.given = function, numbers, steps

    def time_executions(self, seconds):
        """Seconds a step of each of a few executions, the first left out."""
        function, numbers, steps = self.given
        times, end = [], time.perf_counter() + seconds
        while time.perf_counter() < end or len(times) < 4:
            start = time.perf_counter()
            float(function(numbers, 0, steps)["loss"])
            times.append((time.perf_counter() - start) / steps)
        return times[1:]


def memory(field):
    """``VmRSS`` or ``VmHWM`` of this process in MB."""
    text = Path("/proc/self/status").read_text()
    lines = dict(line.split(":", 1) for line in text.splitlines())
    return round(int(lines[field].split()[0]) / 1000, 1)


def put_clocks(clock, ready):
    """Around the steps, the callbacks, the validation, and what draws the numbers."""
    from keras.callbacks import CallbackList

    from cifarcnn.training.fit import _Fitting
    from cifarcnn.training.input_pipeline import TrainingBatches
    from cifarcnn.training.training_model import TrainingModel

    make = TrainingModel.make_steps
    executions = clock.executions = []

    def make_timed(model, batches, *, training):
        function = make(model, batches, training=training)

        def timed(numbers, first, end):
            start = time.perf_counter()
            result = function(numbers, first, end)
            if first < end:
                float(result["loss"])
                executions.append((start, time.perf_counter(), end - first))
                ready.hold(function, numbers, end - first)
            return result

        return timed if training else function

    TrainingModel.make_steps = make_timed
    for method, name in (
        ("on_train_batch_begin", "callbacks of steps"),
        ("on_train_batch_end", "callbacks of steps"),
        ("on_epoch_begin", "start of the epoch"),
        ("on_epoch_end", END),
    ):
        clock.wrap(CallbackList, method, name)
    clock.wrap(_Fitting, "_validate", "validation")
    beside = "making batches, beside"
    clock.wrap(TrainingBatches, "_draw", beside, time.thread_time)


def measure(options):
    """Train, and collect the figures of each epoch but the first."""
    from cifarcnn import engine, load_config, train
    from cifarcnn.training.observer import Observer

    settings = dict(setting.split("=", 1) for setting in options.settings)
    config = load_config(
        options.config,
        {
            "training.epochs": options.epochs,
            "data.dataset": "cifar10" if options.data else "synthetic",
            "data.path": str(options.data.resolve()) if options.data else None,
            **{key: json.loads(value) for key, value in settings.items()},
        },
    )
    engine.start("cpu")
    clock, ready = Clock(), Ready()
    put_clocks(clock, ready)

    class Watch(Observer):
        """Hears of the phases of the training."""

        begin = time.perf_counter()
        started = ended = 0.0
        plan = None
        epochs = ()

        def training_started(self, plan):
            self.plan = plan
            self.started = time.perf_counter()

        def epoch_ended(self, record):
            self.ended = time.perf_counter()

        def training_ended(self, outcome):
            self.files = time.perf_counter() - self.ended

    watch = Watch()
    epochs = []
    # Keras's own, so that it comes after all that is ours in the epoch's end.
    from keras.src.callbacks.callback_list import CallbackList

    end_epoch = CallbackList.on_epoch_end

    def close_epoch(callbacks, epoch, logs=None):
        end_epoch(callbacks, epoch, logs)
        now = time.perf_counter()
        executions = list(clock.executions)
        clock.executions.clear()
        seconds, begun = clock.take()
        epochs.append(
            {
                "begin": watch.epoch_begin,
                "end": now,
                "executions": executions,
                "seconds": seconds,
                "begun": begun,
                "memory_mb": memory("VmRSS"),
                "ready": ready.time_executions(options.ready_seconds),
            }
        )
        # The clocks saw these steps too.
        clock.take()

    CallbackList.on_epoch_end = close_epoch
    begin_epoch = CallbackList.on_epoch_begin

    def open_epoch(callbacks, epoch, logs=None):
        watch.epoch_begin = time.perf_counter()
        begin_epoch(callbacks, epoch, logs)

    CallbackList.on_epoch_begin = open_epoch
    with tempfile.TemporaryDirectory() as name:
        train(config, Path(name) / "run", device="cpu", observer=watch)
    return watch, epochs


def judge(watch, epochs):
    """Medians over all epochs but the first, which builds the graphs."""
    later = epochs[1:]
    rows, between, told = {}, [], []
    for epoch in later:
        executions = epoch["executions"]
        parts = dict(epoch["seconds"])
        step = sum(end - start for start, end, _ in executions)
        loop = executions[-1][1] - executions[0][0]
        each = [(end - start) / steps for start, end, steps in executions]
        typical = statistics.median(each)
        whole = epoch["end"] - epoch["begin"]
        beside = parts.pop("making batches, beside", 0.0)
        parts["steps"] = step
        longer = (each[0] - typical) * executions[0][2]
        parts["of it, first steps longer than the others"] = max(longer, 0)
        begun = epoch["begun"]
        parts["numbers of the epoch"] = (
            executions[0][0] - epoch["begin"] - parts.get("start of the epoch", 0.0)
        )
        parts["from the last step to what follows"] = (
            begun.get("validation", begun[END]) - executions[-1][1]
        )
        known = (
            step
            + parts.get("callbacks of steps", 0.0)
            + parts.get("start of the epoch", 0.0)
            + parts.get(END, 0.0)
            + parts.get("validation", 0.0)
            + parts["numbers of the epoch"]
            + parts["from the last step to what follows"]
        )
        parts["between the steps, and the rest"] = whole - known
        parts["making batches, beside (processor time)"] = beside
        for name, seconds in parts.items():
            rows.setdefault(name, []).append((seconds, seconds / whole))
        between.append(1 - step / loop)
        # The last execution may have a smaller step.
        usual = each[1:-1] or [typical]
        gaps = [
            after[0] - before[1]
            for before, after in zip(executions, executions[1:], strict=False)
        ] or [0.0]
        told.append(
            1
            - statistics.median(epoch["ready"])
            / (statistics.median(usual) + statistics.median(gaps) / executions[0][2])
        )
    wholes = [epoch["end"] - epoch["begin"] for epoch in later]
    plan = watch.plan
    steps = len(later[0]["executions"])
    return {
        "batch_size": plan.batch_size,
        "steps_per_epoch": plan.steps_per_epoch,
        "executions_per_epoch": steps,
        "training_pictures": plan.training_images,
        "validation_pictures": plan.validation_images,
        "epoch_seconds": report.spread(wholes),
        "parts": {
            name: {
                "seconds": statistics.median(seconds for seconds, _ in pairs),
                "share": statistics.median(share for _, share in pairs),
            }
            for name, pairs in sorted(
                rows.items(), key=lambda row: -sum(share for _, share in row[1])
            )
        },
        "share_between_steps": report.spread(between),
        "share_of_anything_but_the_step_with_ready_batches": report.spread(told),
        "files_after_training_seconds": watch.files,
        "memory_after_each_epoch_mb": [epoch["memory_mb"] for epoch in epochs],
        "peak_memory_mb": memory("VmHWM"),
    }


def print_result(found, options):
    print(
        f"{options.config}, batch {found['batch_size']}, "
        f"{found['training_pictures']:,} pictures to learn from, "
        f"{found['validation_pictures']:,} for validation; an epoch takes "
        f"{report.show(found['epoch_seconds'], '.2f')} s"
    )
    for name, part in found["parts"].items():
        print(f"  {part['share']:7.2%}  {part['seconds']:8.3f} s  {name}")
    print(
        "from the first to the last step of an epoch, not in the compiled step: "
        f"{report.show(found['share_between_steps'], '.2%')}"
    )
    figure = found["share_of_anything_but_the_step_with_ready_batches"]
    print(
        "longer than the same step alone on batches that lie ready: "
        f"{report.show(figure, '.2%')}"
    )
    print(f"files after the training: {found['files_after_training_seconds']:.1f} s")
    after = ", ".join(f"{size:,.0f}" for size in found["memory_after_each_epoch_mb"])
    print(f"memory after each epoch, MB: {after}; peak {found['peak_memory_mb']:,.0f}")


def main():
    parser = report.parser(__doc__)
    parser.add_argument("config", nargs="?", default="article")
    parser.add_argument("--data", type=Path, help="CIFAR-10; else drawn pictures")
    parser.add_argument("--epochs", type=int, default=5, help="2 or more")
    parser.add_argument("--ready-seconds", type=float, default=_READY_SECONDS)
    parser.add_argument(
        "--set",
        dest="settings",
        action="append",
        default=[],
        metavar="KEY=JSON",
        help="of the config",
    )
    options = parser.parse_args()
    place = report.machine()
    found = judge(*measure(options))
    print_result(found, options)
    report.finish(options, place, found)


if __name__ == "__main__":
    main()
