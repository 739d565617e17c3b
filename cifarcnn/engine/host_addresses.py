"""Which hosts train together, as the command line or a launcher says."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from cifarcnn.errors import UsageError

# What the usual launchers call the number of a process, and how many there are: SLURM,
# Open MPI, indexed jobs of Kubernetes.
INDEX_VARIABLES = ("SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "JOB_COMPLETION_INDEX")
COUNT_VARIABLES = ("SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE")


@dataclass(frozen=True)
class Hosts:
    """Who trains together.

    Attributes:
        address: Of the first, by which the others find it.
        port: Likewise.
        count: How many there are, 2 or more.
        index: Which of them this is, counted from 0.
    """

    address: str
    port: int
    count: int
    index: int


def find_hosts(addresses: str, index: int | None) -> Hosts:
    """The hosts of a command line.

    Args:
        addresses: ``HOST:PORT,HOST,...``, the first of which the others look for; it
            alone where a launcher says how many there are.
        index: Which of them this is; ``None``: as a launcher says.

    Raises:
        UsageError: Something of it is missing or wrong.
    """
    names = [name.strip() for name in addresses.split(",")]
    host, _, port = names[0].rpartition(":")
    # Neither an address of the Web nor one of IPv6, which nobody would find.
    named = host and not set(host) & set("/[]:")
    if not (all(names) and named and port.isdecimal() and 0 < int(port) < 65_536):
        raise UsageError(
            f"--hosts {addresses!r}: expected the addresses of all hosts, the first of "
            "them with a port that is free there, such as node1:7000,node2."
        )
    count = len(names) if len(names) > 1 else _read_variable(COUNT_VARIABLES)
    if count is None or count < 2:
        raise UsageError(
            f"--hosts {addresses}: one host alone. Name all of them, or have a "
            f"launcher say how many there are ({', '.join(COUNT_VARIABLES)})."
        )
    index = _read_variable(INDEX_VARIABLES) if index is None else index
    if index is None:
        raise UsageError(
            "Which of the --hosts this is, is not known: give --host-index, from 0 for "
            f"the first, or start it by a launcher ({', '.join(INDEX_VARIABLES)})."
        )
    if not 0 <= index < count:
        raise UsageError(
            f"This is host {index}, but there are {count} hosts, counted from 0."
        )
    return Hosts(host, int(port), count, index)


def _read_variable(names: Sequence[str]) -> int | None:
    values = (os.environ.get(name, "") for name in names)
    return next((int(value) for value in values if value.isdecimal()), None)
