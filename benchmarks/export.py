"""What a run costs and achieves in every format that it can be exported to.

    python benchmarks/export.py RUN [--data DATA] [--rounds 3]

RUN is the folder of a finished run, DATA the data set where it is not in the usual
places. Each export is a process of its own, as a user calls it; it is what times the
loading and the answers. The formats run in turn in each round.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import report

# By what the table calls it: the options of the command, and the file's ending.
WAYS = {
    "saved_model": (["--format", "saved_model"], ""),
    "onnx": (["--format", "onnx"], ".onnx"),
    "keras": (["--format", "keras"], ".keras"),
    "litert": (["--format", "litert"], ".tflite"),
    "litert float16": (["--format", "litert", "--precision", "float16"], ".tflite"),
    "litert int8": (["--format", "litert", "--precision", "int8"], ".tflite"),
}


def export(options, way, folder: Path):
    """What the command says as JSON."""
    arguments, ending = WAYS[way]
    command = [sys.executable, "-m", "cifarcnn", "export", "--run", str(options.run)]
    command += [*arguments, "--json", "--out", str(folder / f"network{ending}")]
    if options.data is not None:
        command += ["--data", str(options.data)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def summarize(found):
    """One row: what does not change between rounds, and the spread of what does."""
    first = found[0]
    return {
        "bytes": first["file"]["bytes"],
        "largest_difference": first["largest_difference"],
        "labels_agreeing": first["labels_agreeing"],
        "examples": first["examples"],
        "accuracy": first["file"]["accuracy"],
        "load_seconds": report.spread(each["load_seconds"] for each in found),
        "pictures_per_second": report.spread(
            each["file"]["pictures_per_second"] for each in found
        ),
    }


def summarize_network(found):
    """The row of the network as Keras has it."""
    first = found[0]["network"]
    return {
        "bytes": first["bytes"],
        "accuracy": first["accuracy"],
        "pictures_per_second": report.spread(
            each["network"]["pictures_per_second"] for each in found
        ),
    }


def main() -> None:
    parser = report.parser(__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--network", default="", help="its name in the table")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    options = parser.parse_args()
    place = report.machine()
    found = {way: [] for way in options.ways}
    for number in range(options.rounds):
        for way in options.ways:
            with tempfile.TemporaryDirectory() as folder:
                found[way].append(export(options, way, Path(folder)))
            print(f"round {number + 1}: {way}", file=sys.stderr)
    everything = [each for way in options.ways for each in found[way]]
    rows = {"network": summarize_network(everything)}
    rows |= {way: summarize(found[way]) for way in options.ways}
    print(json.dumps(rows, indent=2))
    report.finish(options, place, rows)


if __name__ == "__main__":
    main()
