"""A userspace Ethernet switch over TAP devices: the kernel may lack netem, this does not need it.

`Switch` owns one TAP device per port and one thread that moves frames between them as `lab.switching.Fabric`
decides. It has a thread and a selector of its own, not the test's event loop, so that a test which computes
or blocks for a while does not stop the network of the daemons under it. Every method may be called from the
test's thread: one lock stands around the fabric; the thread holds it for one batch of frames at a time.

`lab.hosts.Lab` plugs the ports in and stops the switch; tests read the counts, wait with `until`, and may
hold the switch's time still to see a delay without measuring one.
"""

import asyncio
import errno
import fcntl
import os
import random
import selectors
import struct
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from lab.switching import Cable, Counts, Fabric

TUN_DEVICE = "/dev/net/tun"
# From linux/if_tun.h: TUNSETIFF, IFF_TAP | IFF_NO_PI.
_SET_INTERFACE = 0x400454CA
_TAP_WITHOUT_PREFIX = 0x0002 | 0x1000
# The kernel's IFNAMSIZ less the closing zero.
INTERFACE_NAME_BYTES_MAX = 15
# Ethernet at an MTU of 1500 with a VLAN tag is 1518; a longer frame cannot come out of our interfaces.
FRAME_BYTES_MAX = 2048
# Frames read from one port before the others get their turn and due frames leave.
BATCH_FRAMES = 64
STOP_S_MAX = 5.0

Predicate = Callable[[Mapping[str, Counts]], bool]


def open_tap(interface: str) -> int:
    """Make a TAP device in this network namespace and return its descriptor.

    The device lives as long as the descriptor, wherever the interface is moved: nothing outlives the process.
    """
    name = interface.encode("ascii")
    if len(name) > INTERFACE_NAME_BYTES_MAX:
        raise ValueError(f"{interface!r} is longer than the {INTERFACE_NAME_BYTES_MAX} bytes of an interface name")
    descriptor = os.open(TUN_DEVICE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(descriptor, _SET_INTERFACE, struct.pack("16sH22x", name, _TAP_WITHOUT_PREFIX))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


class SwitchClock:
    """The switch's own time in seconds: it runs with the machine's, or stands still and is moved by hand."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._offset_s = 0.0
        self._held_s: float | None = None

    @property
    def held(self) -> bool:
        return self._held_s is not None

    def now_s(self) -> float:
        return self._monotonic() + self._offset_s if self._held_s is None else self._held_s

    def hold(self) -> None:
        self._held_s = self.now_s()

    def advance(self, seconds: float) -> None:
        if self._held_s is None:
            raise RuntimeError("the switch's time runs by itself: hold it before moving it")
        self._held_s += seconds

    def run(self) -> None:
        """Let time run again from where it was held."""
        self._offset_s = self.now_s() - self._monotonic()
        self._held_s = None


@dataclass(eq=False, slots=True)
class _Watcher:
    predicate: Predicate
    loop: asyncio.AbstractEventLoop
    met: asyncio.Future[None] = field(repr=False)

    def tell(self, error: Exception | None = None) -> None:
        """Wake the waiting test from the switch's thread, unless its loop is gone."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._finish, error)

    def _finish(self, error: Exception | None) -> None:
        if self.met.done():
            return
        if error is None:
            self.met.set_result(None)
        else:
            self.met.set_exception(error)


class Switch:
    """Joins TAP devices into one network, with faults as asked."""

    def __init__(self, seed: int) -> None:
        self._fabric = Fabric(random.Random(seed))
        self._clock = SwitchClock()
        self._lock = threading.Lock()
        self._taps: dict[str, int] = {}
        self._watchers: list[_Watcher] = []
        self._stopping = False
        self._selector = selectors.DefaultSelector()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._selector.register(self._wake, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._serve, name="lab switch", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"<Switch {self._fabric!r} {'running' if self._thread.is_alive() else 'stopped'}>"

    def plug(self, port: str, interface: str) -> None:
        """Make the TAP device `interface` in the caller's network namespace and join it as `port`."""
        descriptor = open_tap(interface)
        with self._changing() as fabric:
            try:
                fabric.add_port(port)
            except ValueError:
                os.close(descriptor)
                raise
            self._taps[port] = descriptor
            # A thread may wait in epoll while another registers with it: see epoll_wait(2), Notes.
            self._selector.register(descriptor, selectors.EVENT_READ, port)

    def unplug(self, port: str) -> None:
        """Remove a port; its TAP device disappears from wherever it is."""
        with self._changing() as fabric:
            fabric.remove_port(port)
            self._close_tap(port)

    def set_cable(self, port: str, cable: Cable) -> None:
        with self._changing() as fabric:
            fabric.set_cable(port, cable)

    def partition(self, *groups: Collection[str]) -> None:
        with self._changing() as fabric:
            fabric.partition(groups)

    def heal(self) -> None:
        with self._changing() as fabric:
            fabric.heal()

    def hold_time(self) -> None:
        """Stop the switch's time: what is delayed stays in flight until `advance` or `run_time`."""
        with self._changing():
            self._clock.hold()

    def advance(self, seconds: float) -> None:
        with self._changing():
            self._clock.advance(seconds)

    def run_time(self) -> None:
        with self._changing():
            self._clock.run()

    def counts(self) -> Mapping[str, Counts]:
        with self._lock:
            return self._fabric.snapshot()

    async def until(self, predicate: Predicate, timeout_s: float = 20.0) -> None:
        """Wait until `predicate` holds of the counts; it is asked again after every batch of frames.

        Raises:
            TimeoutError: it did not hold in time; the message has the counts.
        """
        loop = asyncio.get_running_loop()
        watcher = _Watcher(predicate, loop, loop.create_future())
        with self._lock:
            if predicate(self._fabric.counts):
                return
            self._watchers.append(watcher)
        # The thread may have died before the watcher was added; then nobody would tell it.
        if not self._thread.is_alive():
            raise RuntimeError("the switch is not running")
        try:
            async with asyncio.timeout(timeout_s):
                await watcher.met
        except TimeoutError as error:
            raise TimeoutError(f"not so within {timeout_s} s; the counts are {self.counts()}") from error
        finally:
            with self._lock:
                self._watchers = [other for other in self._watchers if other is not watcher]

    def stop(self) -> None:
        """End the thread and close every TAP device."""
        with self._changing():
            self._stopping = True
        self._thread.join(STOP_S_MAX)
        if self._thread.is_alive():
            raise RuntimeError(f"the switch did not stop within {STOP_S_MAX} s")
        for port in list(self._taps):
            self._close_tap(port)
        self._selector.close()
        os.close(self._wake)

    @contextmanager
    def _changing(self) -> Iterator[Fabric]:
        """Hold the lock for a change and wake the thread, so that it acts on the change at once."""
        with self._lock:
            yield self._fabric
            os.eventfd_write(self._wake, 1)

    def _close_tap(self, port: str) -> None:
        descriptor = self._taps.pop(port, None)
        if descriptor is not None:
            self._selector.unregister(descriptor)
            os.close(descriptor)

    def _serve(self) -> None:
        try:
            while not self._stopping:
                ready = [key.data for key, _ in self._selector.select(self._wait_s())]
                with self._lock:
                    self._work(ready)
        finally:
            with self._lock:
                for watcher in self._watchers:
                    watcher.tell(RuntimeError("the switch ended while this was waited for"))

    def _wait_s(self) -> float | None:
        with self._lock:
            due_s = self._fabric.next_due_s()
            if due_s is None or (self._clock.held and due_s > self._clock.now_s()):
                return None
            return max(0.0, due_s - self._clock.now_s())

    def _work(self, ready: list[str | None]) -> None:
        for port in ready:
            if port is None:
                os.eventfd_read(self._wake)
            elif port in self._taps:
                self._take_in(port, self._taps[port])
        for port, frame in self._fabric.take_due(self._clock.now_s()):
            self._hand_out(port, frame)
        for watcher in self._watchers:
            if watcher.predicate(self._fabric.counts):
                watcher.tell()

    def _take_in(self, port: str, descriptor: int) -> None:
        now_s = self._clock.now_s()
        for _ in range(BATCH_FRAMES):
            try:
                frame = os.read(descriptor, FRAME_BYTES_MAX)
            except BlockingIOError:
                return
            except OSError as error:
                self._interface_failed(port, error)
                return
            self._fabric.receive(port, frame, now_s)

    def _hand_out(self, port: str, frame: bytes) -> None:
        if port not in self._taps:
            return
        counts = self._fabric.counts[port]
        try:
            os.write(self._taps[port], frame)
        except BlockingIOError:
            counts.overflowed += 1
        except OSError as error:
            counts.link_down += 1
            self._interface_failed(port, error)
        else:
            counts.delivered += 1

    def _interface_failed(self, port: str, error: OSError) -> None:
        """One that is down refuses with EIO and may come back; one that is gone would spin the selector."""
        if error.errno == errno.EBADFD:
            self._close_tap(port)
        elif error.errno not in {errno.EIO, errno.ENOBUFS}:
            raise error
