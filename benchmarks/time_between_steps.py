"""Where the time of a training on the CPU goes, and whether its memory stays flat.

    python benchmarks/time_between_steps.py article --data DATA [--epochs 5]
        [--set data.validation_fraction=0.1]

A real training of a shipped config through ``cifarcnn.train``, on TensorFlow, with
clocks put around Keras's pieces from outside: the compiled step, the callbacks, the
validation, the end of an epoch. What the thread does that makes the batches is counted
as processor time, since it works beside the step.

The compiled step waits where a batch is not ready, and is slowed where something works
beside it. So after each epoch the same compiled function is run again on batches that
lie ready in TensorFlow's memory, with no Python beside it; what a step takes longer in
the training is what goes to anything but the step, all told. (These steps learn too:
the accuracy of this training means nothing.)
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

_READY_BATCHES = 64
# Steps on the ready batches, after each epoch.
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
    """The compiled function of the training, and batches that lie ready for it."""

    def __init__(self):
        self.function = None
        self.iterator = None

    def hold(self, function, iterator, batches):
        """Take some batches of the first epoch into TensorFlow's own memory."""
        import tensorflow as tf

        self.function = function
        steps = min(batches.steps_per_epoch - 1, _READY_BATCHES) or 1
        # The same types as in the training, or the function would be built anew.
        made = tf.data.Dataset.from_generator(
            lambda: (batches.batch(0, step) for step in range(steps)),
            output_signature=iterator.element_spec,
        ).cache()
        for _ in made:
            pass
        self.iterator = iter(made.repeat().prefetch(2))

    def time_executions(self, seconds):
        """Seconds of each of a few executions, the first left out."""
        self.function(self.iterator)
        times, end = [], time.perf_counter() + seconds
        while time.perf_counter() < end or len(times) < 3:
            start = time.perf_counter()
            self.function(self.iterator)
            times.append(time.perf_counter() - start)
        return times


def memory(field):
    """``VmRSS`` or ``VmHWM`` of this process in MB."""
    text = Path("/proc/self/status").read_text()
    lines = dict(line.split(":", 1) for line in text.splitlines())
    return round(int(lines[field].split()[0]) / 1000, 1)


def put_clocks(clock, ready):
    """Around what Keras does in ``fit``, and what makes our batches."""
    import keras
    from keras.src.callbacks.callback_list import CallbackList

    from cifarcnn.training.input_pipeline import TrainingBatches

    make = keras.Model.make_train_function
    executions = clock.executions = []

    def make_timed(model, *arguments, **named):
        make(model, *arguments, **named)
        function = model.train_function

        def timed(iterator):
            if ready.function is None:
                ready.hold(function, iterator, clock.batches)
            start = time.perf_counter()
            result = function(iterator)
            end = time.perf_counter()
            executions.append((start, end))
            return result

        model.train_function = timed

    keras.Model.make_train_function = make_timed
    for method, name in (
        ("on_train_batch_begin", "callbacks of steps"),
        ("on_train_batch_end", "callbacks of steps"),
        ("on_epoch_begin", "start of the epoch"),
        ("on_epoch_end", END),
    ):
        clock.wrap(CallbackList, method, name)
    clock.wrap(keras.Model, "evaluate", "validation")

    original = TrainingBatches.batch

    def batch(batches, epoch, step):
        clock.batches = batches
        with clock.running("making batches, beside", time.thread_time):
            return original(batches, epoch, step)

    TrainingBatches.batch = batch


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
        step = sum(end - start for start, end in executions)
        loop = executions[-1][1] - executions[0][0]
        typical = statistics.median(end - start for start, end in executions)
        first = executions[0][1] - executions[0][0]
        whole = epoch["end"] - epoch["begin"]
        beside = parts.pop("making batches, beside", 0.0)
        parts["compiled step, and waiting for batches"] = step
        parts["of it, first step longer than the others"] = max(first - typical, 0)
        begun = epoch["begun"]
        parts["Keras: making the reader of the epoch"] = (
            executions[0][0] - epoch["begin"] - parts.get("start of the epoch", 0.0)
        )
        parts["Keras: from the last step to what follows"] = (
            begun.get("validation", begun[END]) - executions[-1][1]
        )
        known = (
            step
            + parts.get("callbacks of steps", 0.0)
            + parts.get("start of the epoch", 0.0)
            + parts.get(END, 0.0)
            + parts.get("validation", 0.0)
            + parts["Keras: making the reader of the epoch"]
            + parts["Keras: from the last step to what follows"]
        )
        parts["Keras: between the steps, and the rest"] = whole - known
        parts["making batches, beside (processor time)"] = beside
        for name, seconds in parts.items():
            rows.setdefault(name, []).append((seconds, seconds / whole))
        between.append(1 - step / loop)
        # The last execution may have fewer or smaller steps.
        usual = [end - start for start, end in executions[1:-1]] or [typical]
        gaps = [
            after[0] - before[1]
            for before, after in zip(executions, executions[1:], strict=False)
        ] or [0.0]
        told.append(
            1
            - statistics.median(epoch["ready"])
            / (statistics.median(usual) + statistics.median(gaps))
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
