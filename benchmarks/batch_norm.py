"""Batch normalization in one operation beside Keras's own layer.

    python benchmarks/batch_norm.py [--batch-size 512] [--rounds 20] [--seconds 60]

Forward and backward of a layer in training, on maps of the shapes that the network of
``speedrun`` has, in float32 and with maps of bfloat16, compiled as in training. Both
ways run in turn in one process; ratios are taken within a round.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import report
import turns

SHAPES = ((15, 15, 64), (7, 7, 256), (3, 3, 256))
POLICIES = ("float32", "mixed_bfloat16")
OURS, KERAS = "one operation", "Keras's layer"


def steps(shape, policy):
    """A compiled forward and backward pass of each way on the same maps."""
    import keras
    import tensorflow as tf

    from cifarcnn.config.layers.normalization import BatchNormalization
    from cifarcnn.network.batch_normalization import FusedBatchNormalization
    from cifarcnn.network.builder import convert_arguments, convert_choice

    config = BatchNormalization(name="norm", momentum=0.6, epsilon=1e-12, scale=False)
    layers = {
        OURS: FusedBatchNormalization(
            **convert_arguments(config.arguments()), dtype=policy
        ),
        KERAS: convert_choice(keras.layers, config, dtype=policy),
    }
    kind = layers[OURS].compute_dtype
    maps = tf.cast(tf.random.normal(shape), kind)
    slope = tf.cast(tf.random.normal(shape), kind)

    def step_of(layer):
        layer.build(shape)

        @tf.function
        def step():
            with tf.GradientTape() as tape:
                tape.watch(maps)
                out = layer(maps, training=True)
            return tape.gradient(out, [maps, layer.beta.value], slope)

        return step

    return {name: step_of(layer) for name, layer in layers.items()}


def main():
    parser = report.parser(__doc__)
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60, help="in all, at most")
    options = parser.parse_args()
    place = report.machine()
    from cifarcnn import engine

    print(engine.start("cpu").description)
    results = {}
    cases = [(shape, policy) for policy in POLICIES for shape in SHAPES]
    for shape, policy in cases:
        found = turns.time_in_turns(
            steps((options.batch_size, *shape), policy),
            options.rounds,
            options.seconds / len(cases),
            repeat=3,
        )
        name = f"{options.batch_size} x {' x '.join(map(str, shape))}, {policy}"
        print(name)
        results[name] = turns.compare(found, OURS)
        turns.print_rows(results[name], 16)
    report.finish(options, place, results)


if __name__ == "__main__":
    main()
