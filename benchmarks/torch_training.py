"""The same networks in PyTorch, eager and channels-last, in the way of airbench.

A peer in ``training_speed.py``, which calls it; trains until it is killed. The images
lie normalized in one tensor, an epoch is a permutation of their numbers, and there is
no loader. With the precision ``mixed_bfloat16`` the network runs under autocast. On a
GPU the tensor lies there, float32 products are TF32, as they are in TensorFlow, and
Python waits for the GPU only every few steps.
"""

import contestant
import torch
from torch import nn
from torch.nn import functional

# On a GPU, where each waiting leaves it without work for a moment.
STEPS_BETWEEN_WAITS = 16


def article():
    model = nn.Sequential(
        nn.Conv2d(3, 32, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(64, 64, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(4 * 4 * 64, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )
    # Keras's epsilon, and one operation for all weights, which is the faster way.
    optimizer = torch.optim.Adam(model.parameters(), 0.001, eps=1e-7, fused=True)
    return model, optimizer, 0.0


class Scale(nn.Module):
    """Multiplies by a number."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, values):
        return values * self.factor


def speedrun():
    def norm(filters):
        made = nn.BatchNorm2d(filters, eps=1e-12, momentum=0.4)
        made.weight.requires_grad = False
        return [made, nn.GELU()]

    layers = [nn.Conv2d(3, 24, 2), nn.GELU()]
    layers[0].weight.requires_grad = False
    before = 24
    for filters in (64, 256, 256):
        layers += [
            nn.Conv2d(before, filters, 3, padding=1, bias=False),
            nn.MaxPool2d(2),
            *norm(filters),
            nn.Conv2d(filters, filters, 3, padding=1, bias=False),
            *norm(filters),
        ]
        before = filters
    layers += [nn.MaxPool2d(3), nn.Flatten(), nn.Linear(256, 10, bias=False)]
    model = nn.Sequential(*layers, Scale(1 / 9))
    rate = 0.3
    norms = [layer for layer in layers if isinstance(layer, nn.BatchNorm2d)]
    biases = [layer.bias for layer in norms]
    shifts = {id(bias) for bias in biases}
    others = [
        weight
        for weight in model.parameters()
        if weight.requires_grad and id(weight) not in shifts
    ]
    optimizer = torch.optim.SGD(
        [
            {"params": biases, "lr": 64 * rate, "weight_decay": 1.33e-3 / 64},
            {"params": others, "lr": rate, "weight_decay": 1.33e-3},
        ],
        lr=rate,
        momentum=0.85,
        nesterov=True,
        fused=True,
    )
    return model, optimizer, 0.2


def count_parameters(model):
    """As Keras counts: running statistics are weights, a fixed scale of 1 is none."""
    total = 0
    for layer in model:
        weights = [*layer.parameters(), *layer.buffers()]
        if isinstance(layer, nn.BatchNorm2d):
            weights = [layer.bias, layer.running_mean, layer.running_var]
        total += sum(weight.numel() for weight in weights)
    return total


def main():
    options = contestant.parse(__doc__)
    images, labels = contestant.read_images(options)
    # (n, 32, 32, 3): seen as (n, 3, 32, 32) its rows are channels-last.
    images = torch.from_numpy(contestant.normalized(images, options.network))
    labels = torch.from_numpy(labels).long()
    model, optimizer, smoothing = (
        article() if options.network == "article" else speedrun()
    )
    contestant.check_parameters(count_parameters(model), options.network)
    kind = "cuda" if options.device == "gpu" else "cpu"
    if kind == "cuda":
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")
    # In place, so that the optimizer has the weights that learn.
    model.to(kind, memory_format=torch.channels_last).train()
    images, labels = images.to(kind), labels.to(kind)
    network = torch.compile(model) if options.compile else model
    counter, done = contestant.Counter(options.counter), 0
    half = options.precision == "mixed_bfloat16"
    waits = STEPS_BETWEEN_WAITS if kind == "cuda" else 1
    while True:
        order = torch.randperm(len(labels), device=kind)
        right, total = torch.zeros((), device=kind), torch.zeros((), device=kind)
        for step, rows in enumerate(order.split(options.batch_size), 1):
            if options.network == "speedrun" and len(rows) < options.batch_size:
                break
            batch, expected = images[rows].permute(0, 3, 1, 2), labels[rows]
            with torch.autocast(kind, dtype=torch.bfloat16, enabled=half):
                logits = network(batch)
                loss = functional.cross_entropy(
                    logits, expected, label_smoothing=smoothing
                )
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            # What `fit` reports of an epoch as well.
            total += loss.detach() * len(rows)
            right += (logits.detach().argmax(1) == expected).sum()
            done += len(rows)
            if step % waits == 0:
                if kind == "cuda":
                    torch.cuda.synchronize()
                counter.write(done)


if __name__ == "__main__":
    main()
