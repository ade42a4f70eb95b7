"""A proxy in front of a server on this machine. It adds latency, and can be away for a while."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

HOST = "127.0.0.1"


class Proxy:
    """Passes connections on to a port.

    Attributes:
        port: port that it listens on.
        away: whether it ends every connection at once.
    """

    def __init__(self, target: int, latency: float) -> None:
        self.away = False
        self.port = 0
        self._target = target
        self._latency = latency
        self._open: set[asyncio.StreamWriter] = set()

    def go_away(self) -> None:
        """End all connections, and every new one, until `away` is false again."""
        self.away = True
        for writer in list(self._open):
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.away:
            writer.close()
            return
        to_server = await asyncio.open_connection(HOST, self._target)
        self._open |= {writer, to_server[1]}
        await asyncio.gather(self._pass(reader, to_server[1], self._latency), self._pass(to_server[0], writer, 0))
        self._open -= {writer, to_server[1]}

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, latency: float) -> None:
        """Pass data on after a delay, which adds to the round trip."""
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                await asyncio.sleep(latency)
                writer.write(data)
                await writer.drain()
        writer.close()


@contextmanager
def proxy(target: int, latency: float = 0, kind: type[Proxy] = Proxy) -> Iterator[Proxy]:
    """Run a proxy in a thread for as long as the block lasts.

    Args:
        target: port of this machine that it connects to.
        latency: delay of each request in seconds.
        kind: class that handles the requests.
    """
    made, loop, ready = kind(target, latency), asyncio.new_event_loop(), threading.Event()

    async def listen() -> None:
        server = await asyncio.start_server(made._serve, HOST, 0)  # noqa: SLF001
        made.port = server.sockets[0].getsockname()[1]
        ready.set()

    def work() -> None:
        loop.run_until_complete(listen())
        loop.run_forever()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    ready.wait()
    try:
        yield made
    finally:
        loop.call_soon_threadsafe(made.go_away)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
