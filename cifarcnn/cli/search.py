"""``cifarcnn search``: better settings, by the validation pictures alone."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from cifarcnn.cli.options import (
    NamedPath,
    backend_option,
    common,
    config_option,
    device_option,
    set_option,
)

if TYPE_CHECKING:
    from cifarcnn.engine import DeviceChoice
    from cifarcnn.literals import BackendChoice
    from cifarcnn.search.folder import Pruner, Sampler


@click.command("search")
@config_option("The config to better: a YAML file, or the name of a shipped one.")
@set_option
@click.option(
    "--vary",
    metavar="KEY=SPACE",
    multiple=True,
    help="What may vary: training.batch_size=64,128 or "
    "optimizer.learning_rate=1e-4..1e-1:log. Given several times.",
)
@click.option(
    "--space",
    "space_file",
    metavar="FILE",
    type=NamedPath(path_type=Path),
    help="The same in a YAML file, also for whole layers.",
)
@click.option(
    "--trials",
    metavar="N",
    type=click.IntRange(1),
    help="How many trials the search shall have in all; left out, 30, of a grid all, "
    "with --resume as before.",
)
@click.option(
    "--sampler",
    type=click.Choice(["tpe", "grid", "random"]),
    default="tpe",
    show_default=True,
    help="What chooses the next settings.",
)
@click.option(
    "--pruner",
    type=click.Choice(["median", "hyperband", "none"]),
    default="median",
    show_default=True,
    help="What ends trials early that fall behind.",
)
@click.option(
    "--storage",
    metavar="URL",
    help="A database that several machines reach, such as "
    "postgresql://user:password@host/name; left out, a file beside the runs.",
)
@click.option(
    "--run",
    "run_path",
    metavar="DIR",
    type=NamedPath(path_type=Path),
    help="Folder of the search; left out, that of the same search before, else the "
    "next free one under ./runs.",
)
@click.option(
    "--resume",
    "resumed_path",
    metavar="DIR",
    type=NamedPath(path_type=Path),
    help="Go on with the search in this folder, in place of --config and --vary.",
)
@click.option(
    "--jobs",
    metavar="N",
    type=click.IntRange(1, 1024),
    default=1,
    show_default=True,
    help="How many trials are trained at once, each on its share of the cores.",
)
@click.option(
    "--max-minutes",
    metavar="MINUTES",
    type=click.FloatRange(0, min_open=True),
    help="End in time, with --seeds too; the same command goes on.",
)
@click.option(
    "--seeds",
    metavar="COUNT|LIST",
    help="Train the best three and the config of before with several seeds that the "
    "search has not used, and test whether they really differ.",
)
@device_option
@backend_option
@click.option(
    "--fetch/--offline",
    default=None,
    help="Whether CIFAR and ImageNet weights are fetched when they are not here.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@common
def command(
    config_name: str | None,
    settings: tuple[str, ...],
    vary: tuple[str, ...],
    space_file: Path | None,
    trials: int | None,
    sampler: Sampler,
    pruner: Pruner,
    storage: str | None,
    run_path: Path | None,
    resumed_path: Path | None,
    jobs: int,
    max_minutes: float | None,
    seeds: str | None,
    device: DeviceChoice,
    backend: BackendChoice | None,
    fetch: bool | None,
    as_json: bool,
) -> int:
    """Look for better settings of a config, by its validation pictures alone.

    Each trial is a run under DIR/trials. Ctrl-C saves what is trained; the same
    command, or --resume, goes on, also after a crash. With --storage the same command
    on several machines works on one search. DIR/best.yaml is the best config.
    """
    from cifarcnn.search.packages import require_search_packages

    if (config_name is None) == (resumed_path is None):
        raise click.UsageError(
            "Give either --config, or --resume with the folder of a search."
        )
    context = click.get_current_context()
    described = ("settings", "vary", "space_file", "sampler", "pruner", "run_path")
    sources = {context.get_parameter_source(name) for name in described}
    if resumed_path is not None and ParameterSource.COMMANDLINE in sources:
        raise click.UsageError(
            "--resume goes on with the search as it was begun; leave --set, --vary, "
            "--space, --sampler, --pruner and --run out."
        )
    if max_minutes is not None and math.isnan(max_minutes):
        raise click.UsageError("--max-minutes takes a number of minutes, found nan.")
    require_search_packages(storage)
    from cifarcnn.cli import console, search_finalists, search_report, searching
    from cifarcnn.search.begin import begin_search, resume_search
    from cifarcnn.search.storage import require_database_url

    if storage is not None:
        require_database_url(storage)
    if resumed_path is not None:
        folder, space = resume_search(resumed_path, storage)
    else:
        folder, space = begin_search(
            str(config_name),
            settings,
            vary,
            space_file,
            sampler,
            pruner,
            storage,
            run_path,
            lambda sentence: console.print_message(f"note: {sentence}"),
        )
    others = [] if seeds is None else search_finalists.choose_seeds(seeds, space)
    given = {"device": device, "backend": backend, "fetch": fetch}
    found = searching.search(folder, space, storage, trials, jobs, max_minutes, given)
    return search_report.report(found, others, given, as_json)
