"""Files decoded by processes of their own, which may end or hang over one.

They are not those of ``multiprocessing``: that would fork a process in which TensorFlow
runs threads, or run the user's script or notebook again in each.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import NamedTuple, Self, TypeAlias

from cifarcnn.data.decoding.file_reading import DecodedFile, failed_file
from cifarcnn.data.image.target_size import TargetSize
from cifarcnn.errors import DataError
from cifarcnn.python_process import describe_end, python_command

LIMIT_SECONDS = 120.0  # for a batch of files, which takes a tenth of a second as a rule
_LOOK_SECONDS = 0.2
# So many that end one after the other, without one file decoded, end for another reason
# than a file.
_MOST_ENDS = 10
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

Batch: TypeAlias = tuple[int, ...]
# The number of a file, and its pixels.
Decoded: TypeAlias = tuple[int, DecodedFile]


class _Answer(NamedTuple):
    """What a process said to a batch; ``files`` is ``None`` when it ended over it."""

    worker: _Worker
    batch: Batch
    files: list[DecodedFile] | None


class _Worker:
    """A process, and the thread that speaks with it."""

    def __init__(
        self,
        paths: Sequence[str],
        target: TargetSize,
        batches: SimpleQueue[Batch | None],
        answers: SimpleQueue[_Answer],
    ) -> None:
        """Start it.

        Raises:
            OSError: The system starts no more processes.
        """
        self.ready = False
        self.end = ""
        self._paths, self._target = paths, target
        self._batches, self._answers = batches, answers
        self._asked_at: float | None = None
        self._process = subprocess.Popen(
            python_command("cifarcnn.data.decoding.worker"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **_ONE_THREAD},
            # Ctrl-C in a terminal is for this process, which ends the others.
            start_new_session=True,
        )
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def kill_if_stuck(self) -> None:
        """Kill it where a batch takes longer than any can."""
        asked_at = self._asked_at
        if asked_at is not None and time.monotonic() - asked_at > LIMIT_SECONDS:
            self.end = f"after {LIMIT_SECONDS:.0f} s"
            self._process.kill()

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()

    def join(self) -> None:
        """Wait for the end of the thread, once there is nothing more to do for it."""
        self._thread.join()

    def _serve(self) -> None:
        batch: Batch | None = ()
        # What pickle makes of half an answer may be any exception.
        with contextlib.suppress(Exception):
            self._ask(self._target)
            self.ready = True
            while (batch := self._batches.get()) is not None:
                files = self._ask([self._paths[number] for number in batch])
                self._answers.put(_Answer(self, batch, files))
                batch = ()
        self._process.kill()
        # Closing a pipe writes what it still holds.
        with contextlib.suppress(OSError):
            self._process.communicate()
        self.end = self.end or describe_end(self._process.wait())
        if batch is not None:
            self._answers.put(_Answer(self, batch, None))

    def _ask(self, question: object) -> list[DecodedFile]:
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise EOFError
        pickle.dump(question, process.stdin)
        process.stdin.flush()
        self._asked_at = time.monotonic()
        answer: list[DecodedFile] = pickle.load(process.stdout)
        self._asked_at = None
        return answer


class WorkerPool:
    """Processes that decode files, each a batch at a time.

    A file over which two processes end is one that cannot be read; what was in a batch
    with it is tried again, each by itself.
    """

    def __init__(
        self, paths: Sequence[str], target: TargetSize, batches: Iterable[Batch]
    ) -> None:
        """Prepare the work.

        Args:
            paths: Of all files.
            target: What each image is brought to.
            batches: Numbers of files that are decoded one after the other.
        """
        self._paths, self._target = paths, target
        self._waiting = deque(batches)
        self._asked: SimpleQueue[Batch | None] = SimpleQueue()
        self._answers: SimpleQueue[_Answer] = SimpleQueue()
        self._unanswered = 0
        self._running: set[_Worker] = set()
        self._ends: Counter[int] = Counter()
        self._ends_in_a_row = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for worker in self._running:
            worker.kill()
            self._asked.put(None)
        for worker in self._running:
            worker.join()

    def decode(self, processes: int) -> Iterator[Decoded]:
        """Yield each file with its number, in whatever order they come.

        Ends early where no process can be started.

        Raises:
            DataError: One process after the other ends.
        """
        for _ in range(processes):
            self._start()
            # One to work on, and one that lies ready.
            self._ask()
            self._ask()
        while self._unanswered and self._running:
            try:
                answer = self._answers.get(timeout=_LOOK_SECONDS)
            except Empty:
                for worker in self._running:
                    worker.kill_if_stuck()
                continue
            if answer.files is None:
                yield from self._recover(answer)
                continue
            self._ends_in_a_row = 0
            self._unanswered -= 1
            self._ask()
            yield from zip(answer.batch, answer.files, strict=True)

    def _start(self) -> None:
        with contextlib.suppress(OSError):
            self._running.add(
                _Worker(self._paths, self._target, self._asked, self._answers)
            )

    def _ask(self) -> None:
        if self._waiting:
            self._asked.put(self._waiting.popleft())
            self._unanswered += 1

    def _recover(self, answer: _Answer) -> Iterator[Decoded]:
        """Start another process, for the same files again."""
        worker, batch, _ = answer
        self._running.remove(worker)
        if not worker.ready:
            return
        self._ends_in_a_row += 1
        if self._ends_in_a_row >= _MOST_ENDS:
            raise DataError(
                f"{_MOST_ENDS} processes that decode pictures ended one after the "
                f"other ({worker.end}), the last over {self._paths[batch[0]]}. Where "
                "the memory is too little, let fewer decode at once: taskset -c 0 "
                "before the command leaves it one core."
            )
        self._start()
        self._unanswered -= 1
        self._ends.update(batch)
        for number in batch:
            if self._ends[number] < 2:
                self._waiting.appendleft((number,))
                self._ask()
                continue
            failure = f"two processes ended while they decoded it ({worker.end})."
            yield number, failed_file(self._target, failure)
        self._ask()
