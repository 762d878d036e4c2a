"""Who listens where a hub is expected: somebody with another key, and somebody in the middle who carries bytes.

    impostor = Impostor(thief.context(server=True))
    async with impostor.listening() as port:
        met = await impostor.next()          # a channel, or the error that was in its place

Who calls: `test_channel`, `test_stolen_keys`.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from attack.hostile import LOOPBACK, PATIENCE_S, Hostile


@asynccontextmanager
async def _taking_calls(on_call: Callable[[socket.socket], Awaitable[None]]) -> AsyncIterator[int]:
    """Listen on a port, which is yielded; each call is served by a task, and ends with the listening."""
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(call: socket.socket) -> None:
        try:
            await on_call(call)
        except OSError:
            pass
        finally:
            call.close()

    async def accept(listener: socket.socket) -> None:
        while True:
            call, _ = await loop.sock_accept(listener)
            call.setblocking(False)
            tasks.add(loop.create_task(serve(call)))

    with socket.create_server((LOOPBACK, 0)) as listener:
        listener.setblocking(False)
        tasks.add(loop.create_task(accept(listener)))
        try:
            yield listener.getsockname()[1]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


class Impostor:
    """Takes the calls for a hub with a context of its own. `met` gets what became of each."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context, self._met = context, asyncio.Queue[Hostile | OSError]()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        """Take calls; yields the port, and in the end hangs up on whoever is still there."""
        async with _taking_calls(self._shake_hands) as port:
            yield port
        while not self._met.empty():
            met = self._met.get_nowait()
            if isinstance(met, Hostile):
                await met.close()

    async def next(self) -> Hostile | OSError:
        """What became of the next call."""
        async with asyncio.timeout(PATIENCE_S):
            return await self._met.get()

    async def _shake_hands(self, call: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        own = call.dup()  # the transport closes it
        try:
            transport, _ = await loop.connect_accepted_socket(lambda: protocol, own, ssl=self._context)
        except OSError as error:
            self._met.put_nowait(error)
        else:
            self._met.put_nowait(Hostile(reader, asyncio.StreamWriter(transport, protocol, reader, loop)))


@asynccontextmanager
async def relaying(port: int, seen: bytearray) -> AsyncIterator[int]:
    """Carry bytes between whoever calls and a port, and remember all of them; yields where to call."""
    loop = asyncio.get_running_loop()

    async def carry(source: socket.socket, sink: socket.socket) -> None:
        while data := await loop.sock_recv(source, 65_536):
            seen.extend(data)
            await loop.sock_sendall(sink, data)
        sink.shutdown(socket.SHUT_WR)

    async def between(call: socket.socket) -> None:
        with socket.socket() as onward:
            onward.setblocking(False)
            await loop.sock_connect(onward, (LOOPBACK, port))
            await asyncio.gather(carry(call, onward), carry(onward, call))

    async with _taking_calls(between) as own:
        yield own
