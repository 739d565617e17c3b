"""What augmentation costs a training step of ``article``, beside Keras's own layers.

    python benchmarks/augmentation.py [--rounds 15] [--steps 100] [--all] [--xla]

Flip and translation by four pixels are done to synthetic images: by nothing, by
``data.augmentation`` (numbers drawn on the host, images changed inside the step), and
by ``keras.layers.RandomFlip`` and ``RandomTranslation`` inside the model. The three
run in turn in one process, in an order that changes each round; what is compared is
always of the same round. With ``--all`` every operation is timed by itself, and
rotation, zoom and shear also as Keras's layers of the same names and arguments.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import itertools
import statistics
import time

import report

_WARM_UP = 5


class Feed:
    """Builds the models and their batches, all from the same config."""

    def __init__(self, batch_size, xla):
        import keras

        from cifarcnn import engine, load_config
        from cifarcnn.data.dataset import open_dataset
        from cifarcnn.network.builder import build_model, logits_model

        print(engine.start("auto").description)
        self.keras = keras
        self.batch_size = batch_size
        self.xla = xla
        self.split, _ = open_dataset("synthetic", None).training(0, 0)
        self.build = lambda: logits_model(build_model(load_config("article"), 10))

    def ours(self, *choices):
        from cifarcnn.training.augmentation.pipeline import build_augmentation
        from cifarcnn.training.input_pipeline import TrainingBatches
        from cifarcnn.training.input_rows import InputRows
        from cifarcnn.training.training_model import connect_rows

        split = self.split
        augmentation = build_augmentation(
            choices, 0, len(split), split.images.shape[1:3]
        )
        batches = TrainingBatches(
            split.labels, self.batch_size, 0, augmentation=augmentation, class_count=10
        )
        model = connect_rows(self.build(), InputRows([split.images]), augmentation)
        return self.compiled(model, batches), batches

    def compiled(self, model, batches):
        """A range of steps as one function."""
        from cifarcnn import load_config
        from cifarcnn.training.training_model import compile_model

        config = load_config("article")
        compile_model(model, config, 1, batches.steps_per_epoch, jit_compile=self.xla)
        return model.make_steps(batches, training=True)

    def keras_layers(self, *layers):
        """The same with Keras's layers between the images and the network."""
        from cifarcnn.training.input_rows import InputRows
        from cifarcnn.training.training_model import TrainingModel, connect_rows

        _, batches = self.ours()
        plain = connect_rows(self.build(), InputRows([self.split.images]))
        images = plain.get_layer("input_table").output
        for layer in layers:
            images = layer(images)
        logits = self.build()(images)
        # Keras finds out where XLA cannot compile it.
        model = TrainingModel(plain.input, logits)
        return self.compiled(model, batches), batches


def seconds_per_step(learn, batches, steps):
    """Wall and processor time of a few steps, without the first ones.

    A step's wall time is the lower quartile: what disturbs a step only makes it longer.
    Processor time is the sum over all threads, which tells the work that is done also
    where other programs run beside; the step's share of what an epoch draws is in it.
    """
    start = time.process_time()
    numbers = batches.block(0, 0).numbers
    drawn = (time.process_time() - start) / batches.steps_per_epoch
    times = []
    for step in range(min(steps, batches.steps_per_epoch)):
        float(learn(numbers, step, step + 1)["loss"])
        times.append((time.perf_counter(), time.process_time()))
    (wall, processor) = zip(*times[_WARM_UP:], strict=True)
    each = [end - start for start, end in itertools.pairwise(wall)]
    share = (processor[-1] - processor[0]) / (len(processor) - 1)
    return statistics.quantiles(each, n=4)[0], share + drawn


def compare(subjects, rounds, steps, minutes):
    """Run all in turn and tell what each costs beside the first."""
    names = list(subjects)
    for name in names:
        seconds_per_step(*subjects[name], 10)
    found = {name: [] for name in names}
    orders = itertools.cycle([names, names[::-1]])
    end = time.monotonic() + 60 * minutes
    for _, order in zip(range(rounds), orders, strict=False):
        for name in order:
            found[name].append(seconds_per_step(*subjects[name], steps))
        if time.monotonic() > end:
            break
    rows = {}
    for what, kind in enumerate(("wall", "processor")):
        first = [pair[what] for pair in found[names[0]]]
        for name in names:
            times = [pair[what] for pair in found[name]]
            ratios = [own / base for own, base in zip(times, first, strict=True)]
            row = {
                "milliseconds": report.spread(1000 * value for value in times),
                "times_nothing": report.spread(ratios),
            }
            rows.setdefault(name, {})[kind] = row
            print(
                f"{kind:9} {name:26} {report.show(row['milliseconds'], '.2f')} ms a "
                f"step, ratio {report.show(row['times_nothing'], '.3f')}",
                flush=True,
            )
    return rows


def main():
    parser = report.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=6, help="at most, when warm")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--xla", action="store_true", help="compile the steps")
    options = parser.parse_args()
    place = report.machine()
    from cifarcnn.config import augmentation

    feed = Feed(options.batch_size, options.xla)
    flip, translation = augmentation.RandomFlip(), augmentation.RandomTranslation()
    layers = feed.keras.layers
    share = 4 / 32
    theirs = layers.RandomTranslation(
        share, share, fill_mode="reflect", interpolation="nearest"
    )
    subjects = {
        "nothing": feed.ours(),
        "ours, flip and translation": feed.ours(flip, translation),
        "Keras's layers": feed.keras_layers(layers.RandomFlip("horizontal"), theirs),
    }
    if options.all:
        del subjects["Keras's layers"]
        for choice in augmentation.AUGMENTATIONS:
            subjects[f"ours, {choice.__name__}"] = feed.ours(choice())
        affine = ("RandomRotation", "RandomZoom", "RandomShear")
        for choice in (getattr(augmentation, name) for name in affine):
            nearest = choice(interpolation="nearest")
            subjects[f"ours, {choice.__name__}, nearest"] = feed.ours(nearest)
            arguments = choice().arguments()
            layer = getattr(layers, choice.__name__)(
                fill_mode=arguments.pop("fill"),
                # Keras's shear takes no range to both sides, but a number for it.
                **{
                    name: value[1] if isinstance(value, tuple) else value
                    for name, value in arguments.items()
                },
            )
            subjects[f"Keras's {choice.__name__}"] = feed.keras_layers(layer)
    print(f"article, batch {options.batch_size}, {options.rounds} rounds")
    rows = compare(subjects, options.rounds, options.steps, options.minutes)
    report.finish(options, place, rows)


if __name__ == "__main__":
    main()
