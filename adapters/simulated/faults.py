"""What can be made to go wrong at a demo hospital, while it runs."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from enum import Enum


class Fault(Enum):
    """One kind of trouble. Over DIMSE, SERVER_ERROR is *out of resources* and LOGIN_PAGE an unknown status."""

    NONE = "none"
    HANG = "hang"
    REFUSE = "refuse"
    SERVER_ERROR = "server_error"
    LOGIN_PAGE = "login_page"
    SLOW_DRIP = "slow_drip"
    ABORT = "abort"


@dataclass(slots=True)
class FaultSwitch:
    """The trouble a server is in now. Set from any thread.

    ``changed`` wakes whoever hangs or waits in a server thread.
    """

    fault: Fault = Fault.NONE
    latency_ms: int = 0
    changed: threading.Event = field(default_factory=threading.Event)

    def set(self, fault: Fault, *, latency_ms: int = 0) -> None:
        """Switch trouble on (or off), and free what hung under the old one."""
        released, self.changed = self.changed, threading.Event()
        self.fault = fault
        self.latency_ms = latency_ms
        released.set()
