"""A shipped config through ``cifarcnn.train``, counting its images in a file.

Called by ``training_speed.py``; trains until it is killed.
"""

import contestant

import cifarcnn
from cifarcnn.training.observer import Observer


class Images(Observer):
    """Counts how many images were learnt from."""

    def __init__(self, counter):
        self.counter = counter
        self.plan = None

    def training_started(self, plan):
        self.plan = plan

    def batch_ended(self, epoch, step, logs):
        plan = self.plan
        each = min(plan.training_images, plan.steps_per_epoch * plan.batch_size)
        # The last batch of an epoch may be smaller.
        done = min(step * plan.batch_size, each)
        self.counter.write((epoch - 1) * each + done)


def main():
    options = contestant.parse(__doc__)
    overrides = {
        "training.batch_size": options.batch_size,
        "training.precision": options.precision,
        "training.epochs": 10_000,
        "data.dataset": "cifar10" if options.data else "synthetic",
        "data.path": str(options.data) if options.data else None,
    }
    if not options.recipe:
        # The network, its loss and its optimizer alone, which the peers have as well.
        overrides |= {"data.augmentation": [], "training.averaging": None}
    config = cifarcnn.load_config(options.network, overrides)
    observer = Images(contestant.Counter(options.counter))
    cifarcnn.train(config, "run", device=options.device, observer=observer)


if __name__ == "__main__":
    main()
