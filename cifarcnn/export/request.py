"""What is asked for, checked before the framework's seconds."""

from __future__ import annotations

from pathlib import Path

from cifarcnn.errors import UsageError
from cifarcnn.export.output_path import choose_export_path
from cifarcnn.export.packages import require_packages
from cifarcnn.literals import ExportFormat, ExportPrecision
from cifarcnn.runs import Run


def check_request(
    run: Run, out: Path | None, file_format: ExportFormat, precision: ExportPrecision
) -> Path:
    """The path to write to.

    Args:
        run: What is exported.
        out: As for :func:`~cifarcnn.export.output_path.choose_export_path`.
        file_format: What is written.
        precision: What its numbers shall be.

    Raises:
        RunError: The run is unfinished, or a package is missing or too old.
        UsageError: The precision is not for this format, or the place is taken or
            cannot be written.
    """
    if precision != "float32" and file_format != "litert":
        raise UsageError(
            f"--precision {precision} is for --format litert alone; {file_format} is "
            "written in float32. Leave --precision out."
        )
    run.require_finished()
    require_packages(file_format)
    return choose_export_path(out, run.path.resolve().name, file_format, precision)
