"""A last duty for a process that is told to end before its fixtures could: SIGTERM, SIGHUP, or leaving early.

`lab.hosts` uses it to take its namespaces and processes along. After SIGKILL nothing runs; what is left then
is removed by the next lab's start.
"""

import atexit
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def on_sudden_end(duty: Callable[[], None]) -> Iterator[None]:
    """Call `duty` if a signal ends the process, or it exits, inside this context; it ends all the same.

    Nested contexts run from the inside out. Signals are taken in the main thread only.
    The duty must not take locks: the signal may have come while the main thread held them.
    """
    owner = os.getpid()
    previous: dict[int, Any] = {}

    def handle(number: int, _: FrameType | None) -> None:
        # A forked child inherits the handler, but neither the lab nor its duty.
        if os.getpid() == owner:
            duty()
        signal.signal(number, previous[number] or signal.SIG_DFL)
        signal.raise_signal(number)

    if threading.current_thread() is threading.main_thread():
        # What is ignored, as SIGHUP is under nohup, ends nothing and so takes nothing along.
        heeded = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        previous.update({number: signal.signal(number, handle) for number in heeded})
    atexit.register(duty)
    try:
        yield
    finally:
        atexit.unregister(duty)
        for number, handler in previous.items():
            signal.signal(number, handler or signal.SIG_DFL)
