"""Products of large matrices, counting multiplications and additions in a file.

What ``training_speed.py``, which calls it, takes for the most that the machine can do.
Of a few sizes the fastest is kept; runs until it is killed.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import time

import contestant

SIZES = {"cpu": (1024, 2048, 4096), "gpu": (4096, 8192, 16384)}
# Between two waits for a GPU.
PRODUCTS = {"cpu": 1, "gpu": 10}
_TRIAL_SECONDS = 0.7


def tensorflow_product(size, half, device):
    import tensorflow as tf

    kind = tf.bfloat16 if half else tf.float32
    left, right = (tf.cast(tf.random.normal((size, size)), kind) for _ in range(2))

    @tf.function
    def product():
        return tf.matmul(left, right)

    return product, tf.test.experimental.sync_devices


def torch_product(size, half, device):
    import torch

    torch.set_float32_matmul_precision("high" if device == "gpu" else "highest")
    kind = torch.bfloat16 if half else torch.float32
    place = "cuda" if device == "gpu" else "cpu"
    left, right = (torch.randn(size, size).to(place, kind) for _ in range(2))
    wait = torch.cuda.synchronize if device == "gpu" else (lambda: None)
    return lambda: torch.matmul(left, right), wait


def main():
    options = contestant.parse(__doc__)
    half = options.precision == "mixed_bfloat16"
    make = torch_product if options.framework == "torch" else tensorflow_product

    count = PRODUCTS[options.device]

    def repeat(size):
        """A function that does some products, and waits for them."""
        product, wait = make(size, half, options.device)

        def products():
            for _ in range(count):
                product()
            wait()

        products()
        return products

    def speed(size):
        products, turns = repeat(size), 0
        start = time.perf_counter()
        while time.perf_counter() < start + _TRIAL_SECONDS:
            products()
            turns += 1
        return turns * 2 * size**3 / (time.perf_counter() - start)

    size = max(SIZES[options.device], key=speed)
    products, counter, done = repeat(size), contestant.Counter(options.counter), 0
    while True:
        products()
        done += count * 2 * size**3
        counter.write(done)


if __name__ == "__main__":
    main()
