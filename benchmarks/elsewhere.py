"""A stand-in for a tracking server on another machine, to measure a search without the server's CPU time.

MLflow's server takes more CPU for the three calls of a trial than `tune` does. If both share two busy cores, the time
of a search depends mostly on the server. The stand-in answers those three calls itself, after a delay and at almost no
cost, as MLflow's REST API documents them. It passes all other calls to the real server.
"""

import asyncio
import json
import re
from contextlib import suppress
from typing import Any
from uuid import uuid4

from proxy import HOST, Proxy

CREATE, LOG, END = "/runs/create", "/runs/log-batch", "/runs/update"
TRIAL = {"key": "reprise.job", "value": "trial"}


class Elsewhere(Proxy):
    """Answers the calls about trials, and passes all others on."""

    def __init__(self, target: int, latency: float) -> None:
        super().__init__(target, latency)
        self._trials: set[str] = set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"content-length: *(\d+)", head.lower())
                body = await reader.readexactly(int(length[1]) if length else 0)
                await asyncio.sleep(self._latency)
                answer = self._answer(head.split()[1].decode(), body)
                if answer is None:
                    await self._ask(head, body, writer)
                    break
                content = json.dumps(answer).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
                writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(content), content))
        writer.close()

    def _answer(self, path: str, body: bytes) -> dict[str, Any] | None:
        if not path.endswith((CREATE, LOG, END)):
            return None
        asked = json.loads(body)
        if path.endswith(CREATE):
            if TRIAL not in asked["tags"]:
                return None
            run_id = uuid4().hex
            self._trials.add(run_id)
            info = {"run_id": run_id, "run_uuid": run_id, "experiment_id": asked["experiment_id"], "status": "RUNNING"}
            return {"run": {"info": info, "data": {}}}
        if asked["run_id"] not in self._trials:
            return None
        return {"run_info": {"run_id": asked["run_id"], "status": asked["status"]}} if path.endswith(END) else {}

    async def _ask(self, head: bytes, body: bytes, writer: asyncio.StreamWriter) -> None:
        """Pass one request on, and end the connection after its answer."""
        answer, request = await asyncio.open_connection(HOST, self._target)
        request.write(re.sub(rb"(?i)\r\nconnection:[^\r]*", b"", head)[:-2] + b"Connection: close\r\n\r\n" + body)
        while data := await answer.read(1 << 16):
            writer.write(data)
            await writer.drain()
        request.close()
