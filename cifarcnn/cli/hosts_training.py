"""``cifarcnn train --hosts``: one host's part of a training, with its displays."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cifarcnn.config import Config
    from cifarcnn.engine.host_addresses import Hosts
    from cifarcnn.runs import Run


def train(
    addresses: str,
    index: int | None,
    config_name: str | None,
    resumed_path: str | None,
    settings: Sequence[str],
    run_path: str | None,
    smoke: bool,
    given: Mapping[str, Any],
) -> int:
    """Take part in a training, and print the folder of the run on the first host.

    Args:
        addresses: ``--hosts``; the others are likewise the options of ``train``.
        index: ``--host-index``.
        given: Further arguments of ``hosts_training.train_on_hosts``.
    """
    from cifarcnn.cli import console
    from cifarcnn.config import load_config
    from cifarcnn.engine.host_addresses import find_hosts
    from cifarcnn.errors import TimeIsUp
    from cifarcnn.runs import Run

    hosts = find_hosts(addresses, index)
    run: Run | str | None = run_path
    if resumed_path is None:
        config = load_config(str(config_name), settings=settings)
    else:
        run = Run.open(Path(resumed_path))
        config = run.config
        if settings:
            config = load_config(str(run.config_path), settings=settings)
    try:
        path = _show(hosts, config, run, smoke, given)
    except TimeIsUp as is_up:
        console.print_message(str(is_up))
        path = is_up.run if hosts.index == 0 else None
    if path is not None:
        console.print_raw(str(path))
    return 0


def _show(
    hosts: Hosts,
    config: Config,
    run: Run | str | None,
    smoke: bool,
    given: Mapping[str, Any],
) -> Path | None:
    from cifarcnn.cli import console
    from cifarcnn.cli.one_training import with_displays
    from cifarcnn.hosts_training import train_on_hosts

    def work(observer: Any, **displays: Any) -> Path | None:
        def tell(sentence: str) -> None:
            # Last, so that as little as can be is told behind it by the other thread.
            console.dismiss_native_errors()
            observer.write(f"error: {sentence}")

        # What connects the hosts prints beside the result, past Python.
        os.dup2(console.STDERR, console.STDOUT)
        displays |= {"smoke": smoke, "tell": tell, **given}
        return train_on_hosts(hosts, config, run, observer=observer, **displays)

    saved = os.dup(console.STDOUT)
    try:
        return with_displays(work, 1)
    finally:
        os.dup2(saved, console.STDOUT)
        os.close(saved)
