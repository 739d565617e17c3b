"""How often `predict --unsure` errs, either way.

    python benchmarks/unsure.py RUN [--data DATA] [--network NAME]

RUN is a finished run on CIFAR-10 with validation pictures, or the name of the network
that comes with the program. The score is chosen on one half of the validation pictures
and on the first kinds of `outside_pictures.py`; the rates are stated on the other half
and the other kinds. The threshold of each score is fitted on the first half as
`evaluate --temperature` fits the one of a run, on all of them: it lets go of 5 % of the
right answers. The test split is not opened.
"""

import json
from pathlib import Path

import numpy as np
import outside_pictures
import report

from cifarcnn.prediction import open_predictor
from cifarcnn.temperature import apply_temperature, fit_temperature, to_logits
from cifarcnn.unsure import SHARE_LOST, negative_energy


def largest_logit(answers):
    logits = to_logits(answers)
    return logits.max(axis=1) - logits.mean(axis=1)


def scores(temperature):
    """All that were tried, by name; what is low is unsure."""

    def at_temperature(answers):
        return apply_temperature(answers, temperature)

    return {
        "energy": negative_energy,
        "energy at the temperature": lambda p: negative_energy(at_temperature(p)),
        "largest logit": largest_logit,
        "largest probability": lambda p: p.max(axis=1),
        "largest probability at the temperature": lambda p: at_temperature(p).max(
            axis=1
        ),
    }


def main() -> None:
    parser = report.parser(__doc__)
    parser.add_argument("run")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--network", default="", help="its name in the table")
    options = parser.parse_args()
    place = report.machine()
    predictor = open_predictor(options.run, data_path=options.data)
    del options.run  # a folder of this machine
    split = predictor.split("validation")
    order = np.random.default_rng(0).permutation(len(split.labels))
    first, second = np.array_split(order, 2)
    answers = predictor.predict(split.images)
    right = answers.argmax(axis=1) == split.labels
    outside = {}
    for name, kinds, half in (
        ("choosing", outside_pictures.CHOOSING, first),
        ("stating", outside_pictures.STATING, second),
    ):
        made = outside_pictures.make(kinds, predictor.target, split.images[half])
        outside[name] = {
            kind: predictor.predict(images) for kind, images in made.items()
        }
    temperature = fit_temperature(answers[first], split.labels[first])
    rows = {}
    for name, score in scores(temperature).items():
        own = score(answers)
        threshold = np.quantile(own[first][right[first]], SHARE_LOST)
        unsure = own[second] < threshold
        given = {
            part: {
                kind: float((score(of_kind) >= threshold).mean())
                for kind, of_kind in kinds.items()
            }
            for part, kinds in outside.items()
        }
        rows[name] = {
            "unsure": float(unsure.mean()),
            "right_unsure": float(unsure[right[second]].mean()),
            "wrong_unsure": float(unsure[~right[second]].mean()),
            # Each kind counts alike, however many pictures it has.
            "given_a_class": {
                part: float(np.mean(list(of_kind.values())))
                for part, of_kind in given.items()
            },
            "given_a_class_by_kind": given["stating"],
        }
    results = {
        "validation_pictures": len(second),
        "accuracy": float(right[second].mean()),
        "pictures": {
            part: {kind: len(of_kind) for kind, of_kind in kinds.items()}
            for part, kinds in outside.items()
        },
        "scores": rows,
    }
    print(json.dumps(results, indent=2))
    report.finish(options, place, results)


if __name__ == "__main__":
    main()
