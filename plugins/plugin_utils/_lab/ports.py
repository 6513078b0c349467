# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Free ports on loopback.

Private to the collection. Ports are taken outside of the range from which the system serves
outgoing connections: one that is free now is then not taken by the next connection of anybody.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

from ...module_utils._errors import LabError

LOOPBACK = "127.0.0.1"
_CANDIDATES = range(10000, 32000)
_ATTEMPTS = 200


@contextlib.contextmanager
def free_ports(count: int) -> Iterator[list[int]]:
    """Yield ports that nobody listens on; they are held until the end of the block."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(_hold()).getsockname()[1] for _turn in range(count)]


def free_port() -> int:
    """Return one port that nobody listens on."""
    with free_ports(1) as ports:
        return ports[0]


def is_free(port: int) -> bool:
    """Tell whether the port can be listened on."""
    with contextlib.suppress(OSError), _listener(port):
        return True
    return False


def port_taken(port: int, *, where: str) -> LabError:
    """Return the error for a kept Git port that another program listens on."""
    return LabError(
        f"port {port} of the lab's Git server is taken by another program",
        where=where,
        hint="stop that program; the port stands in the lab's Git URLs and is therefore never changed by itself",
    )


def _hold() -> socket.socket:
    ephemeral = _ephemeral_ports()
    for _turn in range(_ATTEMPTS):
        port = secrets.choice(_CANDIDATES)
        if port in ephemeral:
            continue
        with contextlib.suppress(OSError):
            return _listener(port)
    return _listener(0)


def _listener(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        # As servers do: connections of an ended server do not block its port.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen(1)
    except OSError:
        listener.close()
        raise
    return listener


def _ephemeral_ports() -> range:
    try:
        low, high = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    except (OSError, ValueError):
        return range(0)
    return range(int(low), int(high) + 1)
