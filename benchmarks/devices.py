"""Training steps on one and on several devices, which are parts of one CPU.

    python benchmarks/devices.py [--network article] [--batch-size 128] [--devices 2]

There is nothing to win, since the devices share the cores: what several take longer is
what it costs to divide a step and to sum its gradients. Steps of the whole training as
``cifarcnn train`` compiles it on JAX, ten in one program, on pictures that are made up;
all run in turn in one process; ratios are taken within a round.
"""

import os
import sys

os.environ["KERAS_BACKEND"] = "jax"

import dataclasses

import report
import turns

STEPS = 10


def divide_cpu(count):
    """Have XLA, before it starts, make so many devices of the CPU."""
    flags = os.environ.get("XLA_FLAGS", "")
    divided = f"--xla_force_host_platform_device_count={count}"
    os.environ["XLA_FLAGS"] = f"{flags} {divided}".strip()


def steps_of(config, data, device):
    """Ten steps of a training on so many devices, as a function."""
    from cifarcnn.engine.distribution import distributed_over
    from cifarcnn.training.fits import plan_fits
    from cifarcnn.training.networks import build_networks
    from cifarcnn.training.observer import Observer
    from cifarcnn.training.training_models import TrainingModels

    with distributed_over(device):
        networks = build_networks(config, data, device, "float32")
        fits = plan_fits(config, 1)
        models = TrainingModels(networks, data, fits, device, Observer(), [])
        model, batches = models.build(fits[0])
        numbers = batches.block(0, 0).numbers
        learn = model.make_steps(batches, training=True)
        # Compiled here, where the distribution is known.
        learn(numbers, 0, 0)
    return lambda: float(learn(numbers, 0, STEPS)["loss"])


def main():
    parser = report.parser(__doc__)
    parser.add_argument("--network", default="article", help="a config")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--devices", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=120, help="in all, at most")
    options = parser.parse_args()
    divide_cpu(options.devices)
    place = report.machine()
    from cifarcnn import engine, load_config

    try:
        started = engine.start("cpu", "jax", devices=options.devices)
    except Exception as error:
        sys.exit(f"several devices need JAX: {error}")
    print(started.description)
    from cifarcnn.training.made_up_data import count_images, make_data

    settings = {
        "data.dataset": "synthetic",
        "data.normalization": "unit",
        "training.batch_size": options.batch_size,
    }
    config = load_config(options.network, settings)
    data = make_data(config, count_images(config), streamed=False)
    subjects = {
        f"{count} device{'s' if count > 1 else ''}": steps_of(
            config, data, dataclasses.replace(started, count=count)
        )
        for count in (1, options.devices)
    }
    found = turns.time_in_turns(subjects, options.rounds, options.seconds)
    rows = turns.compare(found, "1 device")
    for name, times in found.items():
        rows[name]["steps_per_second"] = report.spread(STEPS / value for value in times)
    print(f"{options.network}, {STEPS} steps of {options.batch_size} pictures")
    for name, row in rows.items():
        times, ratio, speed = row.values()
        print(
            f"  {name:<10} {report.show(times, ',.0f')} ms, "
            f"{report.show(speed, ',.2f')} steps/s, "
            f"{report.show(ratio, '.2f')} times as long as 1 device",
            flush=True,
        )
    report.finish(options, place, rows)


if __name__ == "__main__":
    main()
