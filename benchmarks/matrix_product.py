"""Products of large matrices, counting multiplications and additions in a file.

What ``training_speed.py``, which calls it, takes for the most that the machine can do.
Of a few sizes the fastest is kept; runs until it is killed.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import time

import contestant

SIZES = (1024, 2048, 4096)
_TRIAL_SECONDS = 0.7


def tensorflow_product(size, half):
    import tensorflow as tf

    kind = tf.bfloat16 if half else tf.float32
    left, right = (tf.cast(tf.random.normal((size, size)), kind) for _ in range(2))

    @tf.function
    def product():
        return tf.matmul(left, right)

    return product


def torch_product(size, half):
    import torch

    kind = torch.bfloat16 if half else torch.float32
    left, right = (torch.randn(size, size).to(kind) for _ in range(2))
    return lambda: torch.matmul(left, right)


def main():
    options = contestant.parse(__doc__)
    half = options.precision == "mixed_bfloat16"
    make = torch_product if options.framework == "torch" else tensorflow_product

    def speed(size):
        product, count = make(size, half), 0
        product()
        start = time.perf_counter()
        while time.perf_counter() < start + _TRIAL_SECONDS:
            product()
            count += 1
        return count * 2 * size**3 / (time.perf_counter() - start)

    size = max(SIZES, key=speed)
    product, counter, done = make(size, half), contestant.Counter(options.counter), 0
    while True:
        product()
        done += 2 * size**3
        counter.write(done)


if __name__ == "__main__":
    main()
