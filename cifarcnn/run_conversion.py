"""The process that ``litert.own_process`` starts: a run to a LiteRT file.

It writes nothing into the run: the file, or why there is none, goes to standard output.
"""

from __future__ import annotations

import os
import sys
import threading
import time

from cifarcnn.errors import RunError, first_line
from cifarcnn.litert.own_process import REFUSED
from cifarcnn.loaded_run import load_run


def main() -> None:
    """Convert the run in the folder of the first argument, for the process of the next.

    Leaves with exit code 0 after the file, and with ``REFUSED`` after a reason.
    """
    folder, parent = sys.argv[1:]
    answer = os.dup(1)
    # What libraries print is no part of it.
    os.dup2(2, 1)
    threading.Thread(target=_end_with, args=(int(parent),), daemon=True).start()
    try:
        loaded = load_run(folder, device="cpu", backend="tensorflow")
        from cifarcnn.litert.conversion import convert_model

        content, code = convert_model(loaded.model, loaded.class_names), 0
    except RunError as error:
        content, code = str(error).encode(), REFUSED
    except Exception as error:
        # Whatever happens here, the user has the training, and needs the reason.
        text = f"{type(error).__name__}: {first_line(error)}."
        content, code = text.encode(errors="replace"), REFUSED
    with open(answer, "wb") as file:
        file.write(content)
    sys.exit(code)


def _end_with(parent: int) -> None:
    """End this process with the one that waits for it, however that ends."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)
