"""A neighbourhood on one machine: hosts in network namespaces of their own, joined by a userspace switch.

    async with Lab(seed=1) as lab:
        ana, ben = lab.add_hosts(2)
        server = await lab.run(ana, ["hartig", "run", "--folder", str(ana.folder)])
        lab.partition([ana], [ben])
        answer = await lab.http(ana, "GET", "/api/v1/status")

Tests get a `Lab` from the fixture `lab`. Parts: `lab.switch` (the network), `lab.namespaces` (iproute2),
`lab.processes` (programs), `lab.unix_http` (talking to a daemon), `lab.sudden_end` (the last duty).
However a lab is left, its processes, devices, namespaces and folders are gone; what a killed test run left is
removed when the next lab starts. Addresses exist inside the namespaces only, so labs may run side by side.
"""

import json
import re
import shutil
import signal
import tempfile
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hartig_node.tasks import Tasks
from lab import namespaces, unix_http
from lab.namespaces import LabError, LabName
from lab.processes import WAIT_S, Finished, HostProcess, run_to_end
from lab.requirements import what_is_missing
from lab.sudden_end import on_sudden_end
from lab.switch import Switch
from lab.switching import Cable

NETWORK = IPv4Network("10.83.0.0/24")
INTERFACE = "lan0"
# Three times what any test here needs; the numbers of hosts are also their last address byte.
HOSTS_MAX = 64
# struct sockaddr_un holds 108 bytes with the closing zero.
SOCKET_PATH_BYTES_MAX = 107
HTTP_S = 10.0

_HOST_NAME = re.compile(r"[a-z0-9]{1,16}")


@dataclass(eq=False, slots=True)
class Host:
    """One machine of the lab; `attached` says whether its interface is up, `ipv6` whether it has that at all."""

    name: str
    number: int
    namespace: str
    folder: Path
    address: str
    attached: bool
    ipv6: bool

    def __str__(self) -> str:
        return self.name

    @property
    def api_socket(self) -> Path:
        """Where a daemon with `--folder` set to this host's folder listens."""
        return self.folder / "run" / "api.sock"

    @property
    def link_local(self) -> str:
        return f"fe80::{self.number:x}"


class Lab:
    """Hosts, their network, and all that runs in them, for as long as the context lasts."""

    def __init__(self, seed: int = 0) -> None:
        self.hosts: dict[str, Host] = {}
        self._seed = seed
        self._name = LabName.own()
        self._folder = Path(tempfile.gettempdir()) / str(self._name)
        self._tasks = Tasks()
        self._processes: list[HostProcess] = []
        self._stack = AsyncExitStack()

    def __repr__(self) -> str:
        return f"<Lab {self._name} {list(self.hosts)} {len(self._processes)} processes>"

    async def __aenter__(self) -> Self:
        missing = what_is_missing()
        if missing:
            raise LabError(f"the lab needs {'; '.join(missing)}")
        namespaces.remove_leftovers()
        # Each step is undone even if undoing a later one failed.
        async with AsyncExitStack() as stack:
            stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
            self._folder.mkdir(mode=0o755)
            stack.callback(self._remove_namespaces)
            stack.enter_context(on_sudden_end(self._leave_nothing))
            self.switch = Switch(self._seed)
            stack.callback(self.switch.stop)
            stack.push_async_callback(self._end_processes)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    def add_host(self, name: str, *, attached: bool = True, ipv6: bool = True) -> Host:
        """Add one host; one not attached has no address and no link until `link_up`, as before Wi-Fi.

        One with IPv6 keeps its link-local address when its IPv4 address changes, and may not notice the change.
        """
        return self._add([name], attached=attached, ipv6=ipv6)[0]

    def add_hosts(self, count: int, *, attached: bool = True) -> list[Host]:
        """Add `count` hosts, named h1, h2 and so on by their number."""
        first = len(self.hosts) + 1
        return self._add([f"h{number}" for number in range(first, first + count)], attached=attached, ipv6=True)

    def link_up(self, host: Host) -> None:
        """Bring a host's interface up with its addresses, and with the route that multicast needs."""
        self._inside(
            host,
            f"link set dev {INTERFACE} up",
            f"addr replace {host.address}/{NETWORK.prefixlen} brd + dev {INTERFACE}",
            *(self._ipv6_commands(f"addr replace {host.link_local}/64 dev {INTERFACE} nodad") if host.ipv6 else ()),
            f"route replace 224.0.0.0/4 dev {INTERFACE}",
        )
        host.attached = True

    def link_down(self, host: Host) -> None:
        """Take a host's interface down; the kernel drops its routes and keeps its IPv4 address."""
        self._inside(host, f"link set dev {INTERFACE} down")
        host.attached = False

    def change_address(self, host: Host, address: str) -> None:
        """Give a host another IPv4 address, the old one first removed, as a new lease does."""
        self._check_address(host, address)
        self._inside(
            host,
            f"addr del {host.address}/{NETWORK.prefixlen} dev {INTERFACE}",
            f"addr add {address}/{NETWORK.prefixlen} brd + dev {INTERFACE}",
            f"route replace 224.0.0.0/4 dev {INTERFACE}",
        )
        host.address = address

    def set_cable(self, host: Host, cable: Cable) -> None:
        """Change how a host's cable carries: delay, loss, multicast and so on."""
        self.switch.set_cable(host.name, cable)

    def partition(self, *groups: Collection[Host]) -> None:
        """Let hosts hear only their own group; those in no group form one more."""
        self.switch.partition(*([host.name for host in group] for group in groups))

    def heal(self) -> None:
        self.switch.heal()

    async def run(
        self, host: Host, argv: Sequence[str], env: Mapping[str, str] | None = None, *, label: str = ""
    ) -> HostProcess:
        """Start a program in a host, in its folder; it runs until stopped or until the lab ends."""
        process = await HostProcess.start(
            label or f"{Path(argv[0]).name} in {host}", host.namespace, argv,
            env=env, folder=host.folder, tasks=self._tasks,
        )  # fmt: skip
        self._processes.append(process)
        return process

    async def run_to_end(
        self, host: Host, argv: Sequence[str], env: Mapping[str, str] | None = None, *,
        text: str | None = None, timeout_s: float = WAIT_S,
    ) -> Finished:  # fmt: skip
        """Run a short program in a host with `text` as its input, and return what it left."""
        return await run_to_end(host.namespace, argv, env=env, folder=host.folder, text=text, timeout_s=timeout_s)

    async def http(
        self, host: Host, method: str, path: str, *,
        body: Any = None, headers: Mapping[str, str] | None = None, timeout_s: float = HTTP_S,
    ) -> unix_http.Response:  # fmt: skip
        """Ask the daemon in a host over its Unix socket; a body that is not bytes is sent as JSON.

        Raises:
            OSError: no daemon listens there, or the connection broke.
            TimeoutError: no whole answer in time.
        """
        sent = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        return await unix_http.request(host.api_socket, method, path, body=body, headers=sent, timeout_s=timeout_s)

    def _add(self, names: Sequence[str], *, attached: bool, ipv6: bool) -> list[Host]:
        first = len(self.hosts) + 1
        hosts = [self._describe(name, number, ipv6=ipv6) for number, name in enumerate(names, first)]
        # Known before they exist, so that a failure on the way leaves nothing behind.
        self.hosts.update({host.name: host for host in hosts})
        namespaces.ip(f"netns add {host.namespace}" for host in hosts)
        for host in hosts:
            host.folder.mkdir(mode=0o755)
            self.switch.plug(host.name, self._name.interface(host.number))
        namespaces.ip(
            f"link set dev {self._name.interface(host.number)} netns {host.namespace} name {INTERFACE}"
            for host in hosts
        )
        for host in hosts:
            self._prepare(host)
            if attached:
                self.link_up(host)
        return hosts

    def _describe(self, name: str, number: int, *, ipv6: bool) -> Host:
        if not _HOST_NAME.fullmatch(name):
            raise LabError(f"a host's name is 1 to 16 small letters and digits, not {name!r}")
        if name in self.hosts:
            raise LabError(f"the lab already has a host {name}")
        if number > HOSTS_MAX:
            raise LabError(f"the lab holds {HOSTS_MAX} hosts; {name} would be one more")
        namespace = self._name.namespace(name)
        folder = self._folder / name
        host = Host(name, number, namespace, folder, str(NETWORK[number]), attached=False, ipv6=ipv6)
        if len(bytes(host.api_socket)) > SOCKET_PATH_BYTES_MAX:
            raise LabError(f"{host.api_socket} is too long for a Unix socket: set TMPDIR to a shorter folder")
        return host

    def _prepare(self, host: Host) -> None:
        """`lo` up; a fixed hardware address, so that counts and captures can be read."""
        self._inside(
            host,
            "link set dev lo up",
            f"link set dev {INTERFACE} address 02:00:00:00:00:{host.number:02x}",
            *self._ipv6_commands(f"link set dev {INTERFACE} addrgenmode none"),
        )

    def _inside(self, host: Host, *commands: str) -> None:
        namespaces.ip(commands, host.namespace)

    @staticmethod
    def _ipv6_commands(*commands: str) -> Sequence[str]:
        """The commands, where the kernel has IPv6."""
        return commands if Path("/proc/net/if_inet6").exists() else ()

    def _check_address(self, host: Host, address: str) -> None:
        if not host.attached:
            raise LabError(f"{host} has no interface that is up: link_up first")
        if IPv4Address(address) not in list(NETWORK.hosts()):
            raise LabError(f"{address} is no host address of the lab's network {NETWORK}")
        holder = next((other for other in self.hosts.values() if other.address == address), None)
        if holder is not None:
            raise LabError(f"{address} is {holder}'s address already")

    async def _end_processes(self) -> None:
        """Everything at once, orphans too; then each program's exit and last words are waited for."""
        try:
            for process in self._processes:
                # One that was started a moment ago may not have entered its namespace yet.
                process.signal_group(signal.SIGKILL)
            namespaces.end_processes_in(host.namespace for host in self.hosts.values())
            for process in self._processes:
                await process.wait()
        finally:
            await self._tasks.close()

    def _remove_namespaces(self) -> None:
        namespaces.remove(host.namespace for host in self.hosts.values())

    def _leave_nothing(self) -> None:
        """The last duty; devices go with the process, and the switch is left alone: its lock may be held."""
        self._remove_namespaces()
        shutil.rmtree(self._folder, ignore_errors=True)
