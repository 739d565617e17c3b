"""A training step of ``speedrun``: precision and the way of batch normalization.

    python benchmarks/precision.py [--batch-size 512] [--rounds 8] [--seconds 180]

The same network in float32 with Keras's batch normalization, in float32 with it in one
operation, and in bfloat16 with either; each with its loss and optimizer, compiled as
``cifarcnn train`` compiles it, on a batch that lies ready. All run in turn in one
process; ratios are taken within a round.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import contextlib

import report
import turns

KERAS_F32, FUSED_F32 = "float32, Keras's norm", "float32, fused norm"
KERAS_BF16, FUSED_BF16 = "bfloat16, Keras's norm", "bfloat16, fused norm"
WAYS = {
    FUSED_BF16: ("mixed_bfloat16", True),
    FUSED_F32: ("float32", True),
    KERAS_BF16: ("mixed_bfloat16", False),
    KERAS_F32: ("float32", False),
}


@contextlib.contextmanager
def keras_norm(wanted):
    """As if the backend had no fused operation."""
    from cifarcnn.network import training_network

    known = training_network.has_fused_batch_norm
    if wanted:
        training_network.has_fused_batch_norm = lambda: False
    try:
        yield
    finally:
        training_network.has_fused_batch_norm = known


def step_of(config, precision, fused, batch_size):
    """A training step on one batch, and how many images it learns from."""
    import numpy as np

    from cifarcnn.network.builder import logits_model
    from cifarcnn.network.training_network import build_training_network
    from cifarcnn.training.input_rows import InputRows
    from cifarcnn.training.training_model import compile_model, connect_rows

    draws = np.random.default_rng(0)
    images = draws.integers(0, 256, (batch_size, 32, 32, 3), dtype=np.uint8)
    labels = draws.integers(0, 10, batch_size).astype(np.int32)
    with keras_norm(not fused):
        network = build_training_network(config, 10, precision)
    model = connect_rows(logits_model(network), InputRows([images]))
    compile_model(model, config, 10, 48, jit_compile=False)
    index = np.arange(batch_size, dtype=np.int32)
    return lambda: model.train_on_batch({"index": index}, labels)


def main():
    parser = report.parser(__doc__)
    parser.add_argument("--network", default="speedrun", help="a shipped config")
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=180, help="in all, at most")
    options = parser.parse_args()
    place = report.machine()
    from cifarcnn import engine, load_config

    print(engine.start("cpu").description)
    config = load_config(options.network, {"data.normalization": "unit"})
    subjects = {
        name: step_of(config, *way, options.batch_size) for name, way in WAYS.items()
    }
    found = turns.time_in_turns(subjects, options.rounds, options.seconds)
    rows = turns.compare(found, FUSED_BF16)
    for name, times in found.items():
        rows[name]["pictures_per_second"] = report.spread(
            options.batch_size / value for value in times
        )
    print(f"{options.network}, a step of {options.batch_size} pictures")
    for name, row in rows.items():
        times, ratio, speed = row.values()
        print(
            f"  {name:<24} {report.show(times, ',.0f')} ms, "
            f"{report.show(speed, ',.0f')} pictures/s, "
            f"{report.show(ratio, '.2f')} times as long as {FUSED_BF16}",
            flush=True,
        )
    report.finish(options, place, rows)


if __name__ == "__main__":
    main()
