"""Files written beside the training, by threads that wait for one another."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Iterator

import pytest

from cifarcnn.errors import DivergedError, RunError
from cifarcnn.runs import EpochRecord
from cifarcnn.training.callbacks.background_writer import BackgroundWriter

GOES_ON = "The training goes on, and tries again at its next save."


def record(epoch: int) -> EpochRecord:
    return EpochRecord(epoch, 1.0, 0.5, 0.9, 0.5, 0.1, 2.0, 100.0)


@pytest.fixture
def disk() -> Iterator[threading.Event]:
    """A disk that writes nothing before it is set."""
    disk = threading.Event()
    yield disk
    disk.set()


@pytest.fixture
def written() -> list[object]:
    return []


@pytest.fixture
def end_epoch(disk, writer: BackgroundWriter, written) -> Callable[..., None]:
    def end_epoch(epoch: int, *failures: RunError) -> None:
        """With two files, of which each may fail."""

        def write(name: str, failure: RunError | None = None) -> None:
            disk.wait()
            if failure:
                raise failure
            written.append(f"{name} {epoch}")

        writer.progress.records.append(record(epoch))
        writer.put(lambda: write("checkpoint", *failures[:1]))
        writer.put(lambda: write("weights", *failures[1:]))
        writer.on_epoch_end(epoch - 1)

    return end_epoch


def failing(number: int, sentence: str) -> RunError:
    error = RunError(sentence)
    error.__cause__ = OSError(number, "")
    return error


def wait_until_begun(writer: BackgroundWriter) -> None:
    while not writer._saves[0].running():
        pass


def test_the_training_goes_on_and_hears_of_an_epoch_once_it_is_written(
    end_epoch, writer, disk, written, observer
):
    end_epoch(1)
    writer.on_train_batch_end(0)
    assert (written, observer.heard) == ([], [])
    disk.set()
    while not written[1:]:
        pass
    while not observer.heard:
        writer.on_train_batch_end(1)
    assert written == ["checkpoint 1", "weights 1"]
    assert observer.heard == [record(1)]


def test_one_that_waits_for_it_hears_of_it_at_once(
    end_epoch, writer, disk, written, observer
):
    writer.in_background = False
    disk.set()
    end_epoch(1)
    assert written == ["checkpoint 1", "weights 1"]
    assert observer.heard == [record(1)]


def test_a_newer_epoch_takes_the_place_of_one_that_waits(
    end_epoch, writer, disk, written, observer
):
    end_epoch(1)
    wait_until_begun(writer)
    for epoch in (2, 3, 4):
        end_epoch(epoch)
    disk.set()
    writer.wait()
    assert written == ["checkpoint 1", "weights 1", "checkpoint 4", "weights 4"]
    assert observer.heard == [record(epoch) for epoch in (1, 2, 3, 4)]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_noted_by_the_thread_that_trains(
    end_epoch, writer, disk, written, observer, number
):
    disk.set()
    end_epoch(1, failing(number, "No checkpoint."))
    writer.wait()
    end_epoch(2)
    writer.wait()
    assert written == ["weights 1", "checkpoint 2", "weights 2"]
    assert observer.heard == [f"No checkpoint. {GOES_ON}", record(1), record(2)]


def test_any_other_failure_is_raised_after_what_was_noted_before(
    end_epoch, writer, disk, written, observer
):
    disk.set()
    full = failing(errno.ENOSPC, "No checkpoint.")
    end_epoch(1, full, failing(errno.ENOENT, "No weights."))
    with pytest.raises(RunError, match=r"^No weights\.$"):
        while True:
            writer.on_train_batch_end(0)
    assert written == []
    assert observer.heard == [f"No checkpoint. {GOES_ON}"]


def test_what_follows_a_failed_checkpoint_is_not_written(
    end_epoch, writer, disk, written
):
    disk.set()
    end_epoch(1, failing(errno.EROFS, "No checkpoint."))
    with pytest.raises(RunError, match=r"^No checkpoint\.$"):
        writer.wait()
    assert written == []


class TestTheEnd:
    """Of the ``with``, which waits for what is being written."""

    def test_all_is_written_and_told(self, end_epoch, writer, disk, written, observer):
        with writer:
            end_epoch(1)
            threading.Timer(0.05, disk.set).start()
        assert written == ["checkpoint 1", "weights 1"]
        assert observer.heard == [record(1)]

    def test_a_failure_is_raised(self, end_epoch, writer, disk):
        disk.set()
        with pytest.raises(RunError, match=r"^No checkpoint\.$"), writer:
            end_epoch(1, failing(errno.EROFS, "No checkpoint."))

    def test_what_ended_the_training_comes_before_a_failure(
        self, end_epoch, writer, disk, observer
    ):
        disk.set()
        with pytest.raises(DivergedError, match=r"^Lost\.$"), writer:
            end_epoch(1, failing(errno.EROFS, "No checkpoint."))
            raise DivergedError("Lost.")
        assert observer.heard == ["No checkpoint."]

    def test_the_same_is_not_told_twice(self, end_epoch, writer, disk, observer):
        with pytest.raises(RunError, match=r"^No checkpoint\.$"), writer:
            for epoch in (1, 2):
                end_epoch(epoch, failing(errno.EROFS, "No checkpoint."))
            disk.set()
            writer.wait()
        assert observer.heard == []
