"""A training on several hosts, as each of them takes part in it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cifarcnn.config import Config
from cifarcnn.config.consistency import find_untried_on_hosts
from cifarcnn.errors import (
    CifarcnnError,
    DeviceError,
    DivergedError,
    Stopped,
    UsageError,
    first_line,
)
from cifarcnn.installed import installed_version
from cifarcnn.runs import ROOT, Run
from cifarcnn.runs.file_lock import lock_run
from cifarcnn.runs.run_path import require_empty

if TYPE_CHECKING:
    from cifarcnn.engine.host_addresses import Hosts
    from cifarcnn.engine.hosts import LostHost, Meeting
    from cifarcnn.training.observer import Observer
    from cifarcnn.training.resume import ResumePlan
    from cifarcnn.training.training_data import TrainingData

_SECONDS_FOR_OTHER_THREAD = 2.0


def train_on_hosts(
    hosts: Hosts,
    config: Config,
    run: Run | str | Path | None,
    *,
    smoke: bool,
    device: Any,
    backend: Any,
    fetch: bool | None,
    observer: Observer,
    fetch_observer: Any,
    tell: Callable[[str], None],
) -> Path | None:
    """Train a config, or go on with a run, together with the other hosts.

    The first host makes the run and writes its files, as ``cifarcnn.train`` does. The
    others write nothing; to go on, they read the checkpoint of the run. A process that
    took part ends at the end of its work: JAX cannot leave the others before.

    Args:
        hosts: Who they are, and which of them this is.
        config: Of the training, the same on all.
        run: One whose training goes on; else the folder of the first host's new one.
        smoke: As for ``cifarcnn.train``, and so are those after it.
        tell: Is given the last words of a process that another host left alone.

    Returns:
        The folder of the run; ``None`` on all hosts but the first.

    Raises:
        CifarcnnError: As for ``cifarcnn.train`` and ``cifarcnn.resume``.
        DeviceError: A host did not come, or cannot take part.
        Stopped: As there, on all hosts, whichever of them was asked.
    """
    from cifarcnn.training.preparation import load_data
    from cifarcnn.training.resume import (
        describe_finished,
        plan_resume,
        require_same_images,
    )

    # Whether JAX has a GPU cannot be looked for before the hosts have met.
    backend = "jax" if backend == "auto" else backend
    writes = hosts.index == 0
    if writes and run is not None and not isinstance(run, Run):
        # Made only when all hosts have come.
        require_empty(Path(run))
    _require_possible(hosts, config, backend)
    with contextlib.ExitStack() as held:
        plan = None
        if isinstance(run, Run):
            if writes:
                held.enter_context(lock_run(run.path))
            plan = plan_resume(run, config)
            if plan is None:
                observer.noted(describe_finished(run))
                return run.path if writes else None
            smoke = plan.smoke
        data = load_data(config, smoke, fetch, fetch_observer, observer)
        if isinstance(run, Run) and plan is not None:
            require_same_images(run, plan, data.dataset)
        given = {"device": device, "backend": backend, "fetch": fetch}
        return _take_part(hosts, config, data, run, plan, observer, given, tell, held)


def _require_possible(hosts: Hosts, config: Config, backend: Any) -> None:
    from cifarcnn.engine.backend_choice import choose_backend, is_installed

    untried = find_untried_on_hosts(config)
    if untried:
        raise UsageError(
            f"{' and '.join(untried)}: never tried on several hosts. Leave it out, or "
            "train on one."
        )
    chosen = choose_backend(backend, config.training.backend, several_devices=True)
    if chosen.name != "jax":
        raise DeviceError(
            f"On TensorFlow cifarcnn trains on one host, and not on {hosts.count} "
            "(--hosts). Train on JAX: --backend jax."
        )
    if not is_installed("jax"):
        raise DeviceError(
            "Several hosts (--hosts) train on JAX, but the Python package jax is not "
            "installed. Install it."
        )


def _take_part(
    hosts: Hosts,
    config: Config,
    data: TrainingData,
    run: Run | str | Path | None,
    plan: ResumePlan | None,
    observer: Observer,
    given: Mapping[str, Any],
    tell: Callable[[str], None],
    held: contextlib.ExitStack,
) -> Path | None:
    from cifarcnn.engine.hosts import Meeting
    from cifarcnn.training.preparation import start_device

    writes = hosts.index == 0
    observer.noted(
        f"host {hosts.index} of {hosts.count}, counted from 0; waiting for the others"
    )
    meeting = Meeting(hosts, _facts(config, data, plan))
    last_words = _LastWords(meeting, tell)
    meeting.watch(last_words.say_of_lost)
    with _left_at_once(meeting):
        started = start_device(
            config=config,
            data=data,
            observer=observer,
            callbacks=(),
            resume=plan,
            meeting=meeting,
            **given,
        )
        from cifarcnn.data.statistics import with_measured_normalization
        from cifarcnn.engine.distribution import connect_hosts
        from cifarcnn.page.reported_training import train_and_report
        from cifarcnn.training.trainer import train

        if plan is None:
            config = with_measured_normalization(config, data.dataset)
        meeting.begin_together()
        connect_hosts()
        meeting.training = True
        if not writes:
            kept = run if isinstance(run, Run) else Run(Path(os.devnull))
            train(
                config,
                data,
                kept,
                started,
                resume=plan,
                observer=observer,
                trained=meeting.part,
            )
            observer.noted("trained; the first host writes the run")
            return None
        if not isinstance(run, Run):
            made = Run.create(ROOT, config.name) if run is None else Run.at(Path(run))
            held.enter_context(lock_run(made.path))
            run = made
        last_words.run = run.path
        observer.run_created(run)
        train_and_report(
            config, data, run, started, observer, (), plan, trained=meeting.part
        )
        return run.path


class _LastWords:
    """What a process says that another host left alone, before it ends.

    It cannot but end: what it waits for in the middle of a step never comes.

    Attributes:
        run: The folder of the run, where this host writes it.
    """

    run: Path | None = None

    def __init__(self, meeting: Meeting, tell: Callable[[str], None]) -> None:
        self._hosts = meeting.hosts
        self._tell = tell

    def say_of_lost(self, lost: LostHost) -> None:
        """End the process, and say why."""
        which = f"Host {lost.host} of --hosts" if lost.host else "The first host"
        if lost.host == self._hosts.index:
            which = "This host"
        sentence = f"{which} {lost.how}"
        if self.run is not None and any((self.run / "checkpoint").glob("*")):
            sentence += (
                " Go on from the last checkpoint, on these hosts or on fewer: cifarcnn "
                f"train --resume {shlex.quote(str(self.run))} [--hosts ...]"
            )
        try:
            self._tell(sentence)
        finally:
            _end_process(lost.exit_code)


@contextlib.contextmanager
def _left_at_once(meeting: Meeting) -> Iterator[None]:
    """End the process with an exception of its own, once that is told.

    JAX would wait for the others at its end, who wait for this one.
    """
    import atexit

    try:
        yield
    except Stopped as stopped:
        if meeting.training:
            # All do so at the same step.
            meeting.part()
        else:
            meeting.tell_end("was stopped by a signal.", stopped.exit_code)
            atexit.register(_end_process, stopped.exit_code)
        raise
    except CifarcnnError as error:
        if isinstance(error, DivergedError) and meeting.hosts.index:
            # All came to it, and the first has still to write it down.
            meeting.say_bye()
        else:
            meeting.tell_end(f"ended: {first_line(error)}", error.exit_code)
        atexit.register(_end_process, error.exit_code)
        raise
    except BaseException as error:
        # The loss of a host comes to both threads, and the other one knows it for that.
        time.sleep(_SECONDS_FOR_OTHER_THREAD)
        meeting.tell_end(f"ended: {type(error).__name__}: {first_line(error)}", 1)
        atexit.register(_end_process, 1)
        raise


def _end_process(code: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _facts(
    config: Config, data: TrainingData, plan: ResumePlan | None
) -> dict[str, str]:
    """What must be the same on all hosts."""
    checkpoint = plan.checkpoint if plan else None
    return {
        # Each may have the pictures in a place of its own.
        "config": hashlib.sha256(
            config.with_data(path=None).to_yaml().encode()
        ).hexdigest(),
        "data set": data.dataset.checksum,
        "--smoke": "with" if data.smoke else "without",
        # Its name has the checksum of its content.
        "checkpoint": checkpoint.path.name if checkpoint else "none",
        **{
            f"version of {name}": str(installed_version(name))
            for name in ("keras", "jax", "cifarcnn")
        },
    }
