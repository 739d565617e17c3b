"""``cifarcnn train``: from a config to a trained network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

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


@click.command("train")
@config_option("A YAML file, or the name of a shipped config such as article.")
@set_option
@click.option(
    "--run",
    "run_path",
    metavar="DIR",
    type=NamedPath(),
    default=None,
    help="New folder for the run; left out, the next free one under ./runs.",
)
@click.option(
    "--resume",
    "resumed_path",
    metavar="DIR",
    type=NamedPath(),
    default=None,
    help="Go on with the training of this run, in place of --config. Only a few values "
    "can be --set anew, such as training.epochs.",
)
@device_option
@backend_option
@click.option(
    "--smoke",
    is_flag=True,
    help="One epoch on 512 pictures, to see that everything works.",
)
@click.option(
    "--seeds",
    metavar="COUNT|LIST",
    default=None,
    help="Train with several seeds, in one folder, and say how far they lie apart: 5 "
    "(from training.seed on), or 1,2,7. --resume with that folder goes on.",
)
@click.option(
    "--max-minutes",
    metavar="MINUTES",
    default=None,
    help="End in time, after a step, and keep what was trained; --resume goes on. The "
    "same as --set training.max_minutes=MINUTES. With --seeds, of all together.",
)
@click.option(
    "--hosts",
    "addresses",
    metavar="HOST:PORT,HOST...",
    default=None,
    help="Train on several hosts: the same command on each of them. The others find "
    "the first by its address; it alone where a launcher says how many there are.",
)
@click.option(
    "--host-index",
    type=int,
    metavar="NUMBER",
    default=None,
    help="Which of the --hosts this is, from 0; left out, as the launcher says (SLURM, "
    "Open MPI, Kubernetes).",
)
@click.option(
    "--fetch/--offline",
    default=None,
    help="Whether CIFAR and ImageNet weights are fetched when they are not here; left "
    "out, CIFAR as the config says, and weights that it names.",
)
@common
def command(
    config_name: str | None,
    settings: tuple[str, ...],
    run_path: str | None,
    resumed_path: str | None,
    device: DeviceChoice,
    backend: BackendChoice | None,
    smoke: bool,
    seeds: str | None,
    max_minutes: str | None,
    addresses: str | None,
    host_index: int | None,
    fetch: bool | None,
) -> int:
    """Train the network of a config and keep everything in the folder of a run.

    Ctrl-C stops after the current step and keeps what was trained; --resume goes on
    from there, bit for bit, also after a crash. A second Ctrl-C stops at once. The
    folder of the run is printed on standard output.
    """
    from cifarcnn.cli import console
    from cifarcnn.config import load_config
    from cifarcnn.errors import TimeIsUp
    from cifarcnn.runs.seeds_folder import is_seeds_folder

    if max_minutes is not None:
        settings = (*settings, f"training.max_minutes={max_minutes}")
    given = {"device": device, "backend": backend, "fetch": fetch}
    if (config_name is None) == (resumed_path is None):
        raise click.UsageError(
            "Give either --config, or --resume with the folder of a run."
        )
    begins = run_path is not None or smoke or seeds is not None
    if resumed_path is not None and begins:
        raise click.UsageError(
            "--resume goes on in the folder of its run, as it was begun; leave --run, "
            "--seeds and --smoke out."
        )
    if addresses is not None or host_index is not None:
        from cifarcnn.cli import hosts_training

        if addresses is None or seeds is not None:
            raise click.UsageError(
                "--host-index belongs to --hosts."
                if addresses is None
                else "--seeds and --hosts do not go together."
            )
        chosen = (config_name, resumed_path, settings, run_path)
        return hosts_training.train(addresses, host_index, *chosen, smoke, given)
    if seeds is not None:
        from cifarcnn.cli import seeds_training

        config = load_config(str(config_name), settings=settings)
        return seeds_training.train(config, seeds, run_path, smoke, given)
    if resumed_path is not None and is_seeds_folder(Path(resumed_path)):
        from cifarcnn.cli import seeds_training

        return seeds_training.resume(Path(resumed_path), settings, given)
    try:
        if resumed_path is not None:
            path = _resume(Path(resumed_path), settings, given)
        else:
            from cifarcnn.cli import one_training

            config = load_config(str(config_name), settings=settings)
            path = one_training.train(config, run_path, smoke, given)
    except TimeIsUp as is_up:
        console.print_message(str(is_up))
        path = is_up.run
    console.print_raw(str(path))
    return 0


def _resume(path: Path, settings: Sequence[str], given: Mapping[str, Any]) -> Path:
    from cifarcnn.cli import one_training
    from cifarcnn.config import load_config
    from cifarcnn.runs import Run

    run = Run.open(path)
    config = run.config
    if settings:
        config = load_config(str(run.config_path), settings=settings)
    return one_training.resume(run, config, given)
