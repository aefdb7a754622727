"""A small client on asyncio, over long polling alone: the library that the example of targets/README.md drives."""

import asyncio
import json
import urllib.parse


class Socket:
    """The client of one namespace. Each connection is a session of its own."""

    def __init__(self, url, namespace, auth=None):
        self.host = urllib.parse.urlsplit(url).netloc
        self.place = "" if namespace == "/" else namespace + ","
        self.auth = auth
        self.handlers = {}
        self.sending = asyncio.Lock()
        self.polling = None

    def on(self, what, handler):
        """Sets the handler of `connect`, `connect_error`, `disconnect`, or of every `event`."""
        self.handlers[what] = handler

    async def connect(self):
        self.path = "/socket.io/?EIO=4&transport=polling"
        handshake = await self._ask("GET")
        self.path += "&sid=" + json.loads(handshake[1:])["sid"]
        await self._send("0", self.auth or {})
        self.polling = asyncio.create_task(self._poll())

    async def emit(self, event, args):
        await self._send("2", [event, *args])

    async def disconnect(self):
        await self._send("1")

    async def close(self):
        if self.polling:
            self.polling.cancel()
            self.handlers["disconnect"]()
            await self._ask("POST", "1")

    async def _send(self, kind, data=None):
        async with self.sending:
            await self._ask("POST", "4" + kind + self.place + ("" if data is None else json.dumps(data)))

    async def _ask(self, method, body=""):
        reader, writer = await asyncio.open_connection(*self.host.split(":"))
        try:
            content = body.encode()
            head = f"{method} {self.path} HTTP/1.1\r\nHost: {self.host}\r\nConnection: close\r\n"
            writer.write(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            if b" 200 " not in head.split(b"\r\n")[0]:
                raise ConnectionError(body.decode())
            return body.decode()
        finally:
            writer.close()

    async def _poll(self):
        while True:
            for packet in (await self._ask("GET")).split("\x1e"):
                if packet == "2":
                    await self._ask("POST", "3")
                elif packet.startswith("4"):
                    self._take(packet[1], packet[2:].removeprefix(self.place))

    def _take(self, kind, data):
        if kind == "0":
            self.handlers["connect"](json.loads(data)["sid"])
        elif kind == "1":
            self.handlers["disconnect"]()
        elif kind == "2":
            event, *args = json.loads(data)
            self.handlers["event"](event, args)
        elif kind == "4":
            self.handlers["connect_error"](json.loads(data))
