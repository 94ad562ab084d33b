"""A network that lies: ``python chaos_proxy.py PORT HOW EVERY [WAITS]`` stands before a server; it prints its port.

Every EVERY-th answer of the server that has a body is dealt with:

- ``pass``: not at all; ``flip``: a byte of its body is another;
- ``truncate``: half of it, and the end; ``reset``: half of it, and a reset;
- ``stall``: half of it, and nothing more; ``slow``: 64 bytes every 50 ms;
- ``busy``: 503 in its place.

For how long whoever asked waited in a stall, until he hung up, is a line of the file WAITS, in seconds.

Which byte is flipped follows from the number of the answer: a run that failed can be run again.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import sys
import time
from pathlib import Path

PORT, HOW, EVERY = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
WAITS = [Path(each) for each in sys.argv[4:]]
PIECE = 1 << 16
LENGTH = re.compile(rb"^content-length: *(\d+)", re.IGNORECASE | re.MULTILINE)
BUSY = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
answers = 0


class Wire:
    """One connection: what the client says goes on as it is, what the server says may not."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamReader) -> None:
        self.client, self.server = client, server
        self.asked = False  # something was asked since the server last began to answer
        self.hung_up = asyncio.Event()

    async def carry(self) -> None:
        while piece := await self.server.read(PIECE):
            begins, self.asked = self.asked, False
            if begins and await self.begin(piece):
                return
            if not begins:
                await self.say(piece)

    async def begin(self, piece: bytes) -> bool:
        """Hand on the beginning of an answer; true where that was the end of the connection."""
        global answers
        while b"\r\n\r\n" not in piece and (more := await self.server.read(PIECE)):
            piece += more
        head, _, body = piece.partition(b"\r\n\r\n")
        found = LENGTH.search(head)
        length = int(found[1]) if found else 0
        if length and b" 20" in head[:12]:
            answers += 1
            if answers % EVERY == 0:
                return await self.harm(head + b"\r\n\r\n", body, length)
        await self.say(piece)
        return False

    async def harm(self, head: bytes, body: bytes, length: int) -> bool:
        if HOW == "flip":
            at = (answers * 7919) % length
            await self.say(head)
            await self.hand_on(body, length, flip=at)
            return False
        if HOW == "slow":
            await self.say(head)
            await self.hand_on(body, length, slow=True)
            return False
        if HOW == "busy":
            await self.say(BUSY)
            return True
        if HOW == "pass":
            await self.say(head + body)
            return False
        await self.say(head)
        await self.hand_on(body[: length // 2], length // 2)
        if HOW == "stall":
            began = time.monotonic()
            await self.hung_up.wait()
            for path in WAITS:
                with path.open("a") as file:
                    file.write(f"{time.monotonic() - began}\n")
        if HOW == "reset":
            bare: socket.socket = self.client.get_extra_info("socket")
            bare.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return True

    async def hand_on(self, body: bytes, length: int, *, flip: int = -1, slow: bool = False) -> None:
        """Hand on so many bytes of a body, of which some have come."""
        done = 0
        while done < length:
            body = body or await self.server.read(min(PIECE, length - done))
            if not body:
                return
            piece, body = body[: length - done], body[length - done :]
            if done <= flip < done + len(piece):
                at = flip - done
                piece = piece[:at] + bytes([piece[at] ^ 1]) + piece[at + 1 :]
            done += len(piece)
            for start in range(0, len(piece), 64) if slow else (0,):
                await self.say(piece[start : start + 64] if slow else piece)
                if slow:
                    await asyncio.sleep(0.05)

    async def say(self, piece: bytes) -> None:
        self.client.write(piece)
        await self.client.drain()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        server, out = await asyncio.open_connection("127.0.0.1", PORT)
    except OSError:
        writer.close()
        return
    wire = Wire(writer, server)

    async def ask() -> None:
        try:
            while piece := await reader.read(PIECE):
                wire.asked = True
                out.write(piece)
                await out.drain()
        finally:
            wire.hung_up.set()

    asking = asyncio.create_task(ask())
    try:
        await wire.carry()
    except OSError:
        pass
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        writer.close()
        out.close()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


asyncio.run(main())
