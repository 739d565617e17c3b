"""The process that ``decoding.processes`` starts: decodes the files that it is told.

Both ends are this program, so that what goes between them is pickled.
"""

from __future__ import annotations

import os
import pickle
import threading
from queue import SimpleQueue
from typing import Any, BinaryIO

from cifarcnn.data.decoding.file_reading import decode_file
from cifarcnn.data.image.image_file import silent_pillow

READY = "ready"


def main() -> None:
    """Answer with a list of ``DecodedFile`` for each list of paths.

    The first message is the ``TargetSize``, whose answer is ``READY``.
    """
    questions = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    # What libraries print is no part of it.
    os.dup2(2, 1)
    asked: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_receive, args=(questions, asked), daemon=True).start()
    target = asked.get()
    answer: object = READY
    with silent_pillow():
        while True:
            pickle.dump(answer, answers, pickle.HIGHEST_PROTOCOL)
            answers.flush()
            answer = [decode_file(path, target) for path in asked.get()]


def _receive(questions: BinaryIO, asked: SimpleQueue[Any]) -> None:
    """Take questions, and end this process with the one that asks them.

    In a thread of its own, so that it also ends in the middle of an image.
    """
    try:
        while True:
            asked.put(pickle.load(questions))
    finally:
        os._exit(0)
