"""Writes the tables of ``benchmarks/README.md`` from ``benchmarks/results/*.json``.

    python benchmarks/tables.py [--write]

Without ``--write`` it prints them, and ends with 1 where the README says otherwise.
"""

import argparse
import json
import statistics
import sys
from pathlib import Path

HERE = Path(__file__).parent
BEGIN = "<!-- tables: made by tables.py --write -->\n"
END = "<!-- end of the tables -->\n"


def figure(spread, form=",.2f"):
    """A median with its middle half."""
    low, middle, high = (f"{spread[key]:{form}}" for key in ("low", "median", "high"))
    return f"{middle} ({low} to {high})"


def table(head, rows):
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def training_speed(results):
    ours = ("cifarcnn-float32", "cifarcnn-bfloat16")
    head = ["contestant", "pictures/s", *(f"{name} is × as fast" for name in ours)]
    head += ["share of the peak", "memory, MB"]
    rows = []
    for name, row in results["contestants"].items():
        ratios = [row.get(f"{own}_is_times_as_fast") for own in ours]
        share = row.get("share_of_peak")
        rows.append(
            [
                name,
                figure(row["pictures_per_second"], ",.0f"),
                *("" if ratio is None else figure(ratio) for ratio in ratios),
                "" if share is None else figure(share, ".0%"),
                f"{row['peak_memory_mb']:,}",
            ]
        )
    text = table(head, rows)
    peaks = [
        f"{precision} {figure(peak['gflop_per_second'], ',.0f')} GFLOP/s "
        f"({peak['by'].split('-')[1]})"
        for precision, peak in results["matrix_product_peak"].items()
    ]
    if peaks:
        text += f"\nPeak, product of large matrices: {'; '.join(peaks)}.\n"
    return text


def cached_features(results):
    rows = [[name.replace("_", " "), figure(row)] for name, row in results.items()]
    return table(["of an epoch", "figure"], rows)


def augmentation(results):
    rows = [
        [
            name,
            *(
                figure(row[kind][key], form)
                for kind in ("wall", "processor")
                for key, form in (("milliseconds", ".2f"), ("times_nothing", ".3f"))
            ),
        ]
        for name, row in results.items()
    ]
    head = ["augmentation", "ms a step", "ratio", "processor ms", "processor ratio"]
    return table(head, rows)


def decoding(results):
    rows = [
        [
            f"{case}: {name}",
            figure(row["pictures_per_second"], ",.0f"),
            figure(row["cifarcnn_is_times_as_fast"]),
        ]
        for case, ways in results.items()
        for name, row in ways.items()
    ]
    return table(["decoding", "pictures/s", "cifarcnn is × as fast"], rows)


def batch_norm(results):
    rows = []
    for case, ways in results.items():
        ours, keras = ways.values()
        rows.append(
            [
                case,
                figure(ours["milliseconds"], ".1f"),
                figure(keras["milliseconds"], ".1f"),
                figure(list(keras.values())[1]),
            ]
        )
    return table(["maps", "one operation, ms", "Keras's layer, ms", "ratio"], rows)


def precision(results):
    rows = []
    for name, row in results.items():
        times, ratio, speed = row.values()
        cells = [figure(times, ",.0f"), figure(speed, ",.0f"), figure(ratio)]
        rows.append([name, *cells])
    return table(["step", "ms", "pictures/s", "× as long as the first"], rows)


def devices(results):
    rows = []
    for name, row in results.items():
        times, ratio, speed = row.values()
        cells = [figure(times, ",.0f"), figure(speed, ",.2f"), figure(ratio)]
        rows.append([name, *cells])
    return table(["ten steps on", "ms", "steps/s", "× as long as on one"], rows)


def leave_one_out(results):
    rows = []
    for name, row in results["rows"].items():
        deviation = row["deviation_of_points"]
        rows.append(
            [
                name,
                f"{row['accuracy']:.2%}",
                f"{row['points_lost']:.2f}",
                "" if deviation is None else f"{deviation:.2f}",
                str(row["seeds"]),
            ]
        )
    head = ["left out", "validation accuracy", "points lost", "deviation", "seeds"]
    return table(head, rows) + (
        "\nSo short a training says nothing of what pays in a long one: changed "
        "pictures and slow\nweights keep a network from learning the pictures by "
        "heart.\n"
    )


def startup(results):
    rows = []
    for name, row in results.items():
        own, share = row.values()
        rows.append([name, figure(own), figure(share, ".3f")])
    return table(["whole process", "seconds", "of importing TensorFlow"], rows)


def first_start(results):
    rows = [[name, figure(seconds, ".1f")] for name, seconds in results.items()]
    return table(["whole training", "seconds"], rows)


def prediction(results):
    text = startup(results["one_picture"])
    rows = []
    for name, row in results["folder"].items():
        speed, ratio = row.values()
        rows.append([name, figure(speed, ",.0f"), figure(ratio)])
    head = ["a folder, after the start", "pictures/s", "cifarcnn predict is × as fast"]
    return f"{text}\n{table(head, rows)}"


def export(results):
    rows = []
    for name, row in results.items():
        off, load = row.get("largest_difference"), row.get("load_seconds")
        accuracy = row["accuracy"]
        rows.append(
            [
                name,
                f"{row['bytes'] / 1e6:,.2f}",
                "" if off is None else f"{off:.1e}",
                "" if load is None else figure(load),
                figure(row["pictures_per_second"], ",.0f"),
                "" if accuracy is None else f"{accuracy:.2%}",
            ]
        )
    head = ["format", "MB", "largest difference", "seconds to load", "pictures/s"]
    return table([*head, "accuracy (validation)"], rows)


def unsure(results):
    """Of each score both mistakes, and of the first the kinds of pictures."""
    kinds = {part: sum(of.values()) for part, of in results["pictures"].items()}
    own = results["validation_pictures"]
    head = [
        "score",
        f"unsure, of {own:,} validation pictures",
        "of those named rightly",
    ]
    head += ["of those named wrongly"]
    head += [f"a class, of {kinds['choosing']:,} outside pictures to choose by"]
    head += [f"a class, of {kinds['stating']:,} other outside pictures"]
    rows = []
    for name, row in results["scores"].items():
        figures = [row[key] for key in ("unsure", "right_unsure", "wrong_unsure")]
        figures += [row["given_a_class"][part] for part in ("choosing", "stating")]
        rows.append([name, *(f"{figure:.1%}" for figure in figures)])
    first = next(iter(results["scores"].values()))["given_a_class_by_kind"]
    shares = [[name, f"{share:.0%}"] for name, share in first.items()]
    for line in shares:
        line.insert(1, f"{results['pictures']['stating'][line[0]]:,}")
    by_kind = table(["other outside pictures", "pictures", "a class"], shares)
    return f"{table(head, rows)}\n{by_kind}"


def time_between_steps(results):
    rows = [
        [name, f"{part['seconds']:.3f}", f"{part['share']:.2%}"]
        for name, part in results["parts"].items()
    ]
    told = results["share_of_anything_but_the_step_with_ready_batches"]
    after = ", ".join(f"{size:,.0f}" for size in results["memory_after_each_epoch_mb"])
    between = results["share_between_steps"]
    epoch = figure(results["epoch_seconds"])
    return (
        table(["part of an epoch", "seconds", "share"], rows)
        + f"\nAn epoch takes {epoch} s. Between its first and its last step "
        f"{figure(between, '.2%')} of the time is not spent in the "
        f"compiled step; all told, a step takes {figure(told, '.2%')} longer than on "
        f"batches that lie ready. Memory after each epoch, MB: {after}; peak "
        f"{results['peak_memory_mb']:,.0f}.\n"
    )


def input_pipeline(results):
    rows = []
    for case, ways in results.items():
        for way, row in ways.items():
            speed, ratio, memory = row.values()
            cells = [figure(speed, ",.0f"), figure(ratio), f"{memory:,}"]
            rows.append([case, way, *cells])
    head = ["pictures and network", "input", "pictures/s", "× the table", "memory, MB"]
    return table(head, rows)


def transfer(results):
    """A line for each number of pictures: accuracies and their spread, and seconds."""
    cells = {}
    for row in results:
        cells.setdefault((row["each"], row["way"]), []).append(row)
    ways = list(dict.fromkeys(row["way"] for row in results))
    rows = []
    for each in dict.fromkeys(row["each"] for row in results):
        line = [f"{each:,}"]
        for way in ways:
            own = cells.get((each, way), [])
            found = [row["accuracy"] for row in own]
            if own:
                cost = statistics.mean(row["processor_seconds"] for row in own)
                spread = f"{min(found):.1%} to {max(found):.1%}"
                if len(own) == 1:
                    spread = "one seed"
                line.append(f"{statistics.mean(found):.1%} ({spread}), {cost:,.0f} s")
            else:
                line.append("")
        rows.append(line)
    return table(["pictures a class", *ways], rows)


def estimate(results):
    """Of each config the truth, and by how much the estimates miss it."""
    rows = []
    for config, figures in results.items():
        name, _, epochs = config.partition(":")
        row = [f"{name}, {epochs} epoch{'s' * (epochs != '1')}"]
        for key, scale, form in (
            ("seconds_per_epoch", 1, ",.1f"),
            ("memory_bytes", 1e6, ",.0f"),
        ):
            found = figures[key]
            row.append(f"{found['truth']['median'] / scale:{form}}")
            for who in ("check", "train"):
                error = found[who]
                row.append("" if error is None else f"{error['median']:+.0%}")
        rows.append(row)
    head = ["config", "an epoch, s", "check", "train", "memory, MB", "check", "train"]
    return table(head, rows)


TABLES = {
    "training_speed": training_speed,
    "input_pipeline": input_pipeline,
    "augmentation": augmentation,
    "decoding": decoding,
    "batch_norm": batch_norm,
    "precision": precision,
    "devices": devices,
    "leave_one_out": leave_one_out,
    "startup": startup,
    "first_start": first_start,
    "prediction": prediction,
    "time_between_steps": time_between_steps,
    "cached_features": cached_features,
    "transfer": transfer,
    "estimate": estimate,
    "export": export,
    "unsure": unsure,
}


def describe(document):
    """A heading, and on what machine and how busy it was."""
    arguments = ", ".join(
        f"{name.replace('_', ' ')} {' '.join(value) if value != str(value) else value}"
        for name, value in document["arguments"].items()
        if value not in ("False", []) and name not in ("contestants", "pieces")
    )
    place = document["machine"]
    packages = ", ".join(f"{name} {text}" for name, text in place["packages"].items())
    device = f"{place['gpu']}; " if "gpu" in place else ""
    return (
        f"### {document['benchmark']}: {arguments}\n\n"
        f"{place['date']}, {device}{place['cores']} cores of {place['processor']}, "
        f"{place['memory_gib']:.0f} GiB, Python {place['python']}, {packages}; load of "
        f"other programs before {place['load_before']:.1f}.\n\n"
    )


def make_tables(folder):
    """All results of a folder as Markdown, in the order of the benchmarks above."""
    documents = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    if not documents:
        return "Nothing is measured yet.\n"
    documents.sort(key=lambda document: [*TABLES].index(document["benchmark"]))
    return "\n".join(
        describe(document) + TABLES[document["benchmark"]](document["results"])
        for document in documents
    )


def fill(text, tables):
    """The README with its tables in place of those that it has."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables}\n{END}{after}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    readme = HERE / "README.md"
    tables = make_tables(HERE / "results")
    filled = fill(readme.read_text(encoding="utf-8"), tables)
    if options.write:
        readme.write_text(filled, encoding="utf-8")
        return
    print(tables)
    if filled != readme.read_text(encoding="utf-8"):
        sys.exit("README.md has other tables: python benchmarks/tables.py --write")


if __name__ == "__main__":
    main()
