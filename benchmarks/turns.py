"""Functions timed in turn within one process."""

import time

import report


def time_in_turns(subjects, rounds, seconds, repeat=1):
    """How long one call of each takes, all in turn in each round.

    Args:
        subjects: A function without arguments for each name; each is called twice
            before, so that graphs are built and memory is there.
        rounds: How often all have their turn; the order is turned round each time.
        seconds: In all. What is not done by then is left out, but for one round.
        repeat: Calls in a turn.

    Returns:
        The seconds of a call for each name, one figure for each round.
    """
    for function in subjects.values():
        function()
        function()
    found = {name: [] for name in subjects}
    names, end = list(subjects), time.perf_counter() + seconds
    for _ in range(rounds):
        for name in names:
            start = time.perf_counter()
            for _ in range(repeat):
                subjects[name]()
            found[name].append((time.perf_counter() - start) / repeat)
        names.reverse()
        if time.perf_counter() > end:
            break
    return found


def compare(found, first):
    """Milliseconds of each, and how many times as long the others take as ``first``.

    Args:
        found: From :func:`time_in_turns`.
        first: The name that the others are compared with, round by round.
    """
    rows = {}
    for name, times in found.items():
        ratios = [own / base for own, base in zip(times, found[first], strict=True)]
        rows[name] = {
            "milliseconds": report.spread(1000 * value for value in times),
            f"times_{first}".replace(" ", "_"): report.spread(ratios),
        }
    return rows


def print_rows(rows, width=28):
    for name, row in rows.items():
        times, ratio = row.values()
        print(
            f"  {name:<{width}} {report.show(times, ',.1f')} ms, "
            f"ratio {report.show(ratio, '.2f')}",
            flush=True,
        )
