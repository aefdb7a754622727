"""Drives the asyncio client of python-socketio for siospec: JSON Lines, see docs/driver.md."""

import asyncio
import contextlib
import contextvars
import importlib.metadata
import itertools
import pathlib
import sys
import urllib.parse

import aiohttp
import socketio

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "kit/python"))

from siospec_driver import Client, Unsupported, drive, renamed  # noqa: E402

CAPABILITIES = [
    "polling", "websocket", "upgrade", "force-new", "binary", "ack", "ack-timeout", "answer", "auth", "auth-function",
    "query", "headers", "cookies", "path", "reconnection", "reconnection-attempts", "reconnection-delay", "timeout",
    "connect-handler", "sid",
]  # fmt: skip
# Options by their names in the library: those of its client, and those of `connect`.
CLIENT = {
    "reconnection": "reconnection",
    "reconnectionAttempts": "reconnection_attempts",
    "reconnectionDelay": "reconnection_delay",
    "reconnectionDelayMax": "reconnection_delay_max",
    "randomizationFactor": "randomization_factor",
    "timeout": "request_timeout",
}
CONNECT = {"path": "socketio_path", "transports": "transports", "headers": "headers", "timeout": "wait_timeout"}
HANDLED = {"upgrade", "auth", "authFunction", "query", "cookies", "forceNew", "emitOnConnect"}
# How long the end of a connection may take before it is cut, in seconds.
GRACE = 1

asked = contextvars.ContextVar("asked", default=False)


class Library(socketio.AsyncClient):
    """The client of the library, which tells its handlers whether an answer is asked for."""

    async def _handle_event(self, namespace, id, data):
        asked.set(id is not None)
        await super()._handle_event(namespace, id, data)


class Namespace(Client):
    """The library joins all namespaces when it connects, so that each has a connection of its own."""

    def __init__(self, case, nsp, url, options):
        super().__init__(case, nsp)
        for option in options.keys() - CLIENT.keys() - CONNECT.keys() - HANDLED:
            raise Unsupported(f"the option {option}")
        self.options = options
        self.refused = False
        self.leaving = None
        query = urllib.parse.urlencode(options.get("query", {}))
        self.url = f"{url}?{query}" if query else url
        given = renamed({"reconnection": False, "randomizationFactor": 0, **options}, CLIENT)
        if options.get("cookies"):
            # The library's own session keeps no cookies of an address such as 127.0.0.1.
            given["http_session"] = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        self.library = Library(handle_sigint=False, **given)
        self.library.on("connect", self.on_connect, nsp)
        self.library.on("connect_error", self.on_connect_error, nsp)
        self.library.on("disconnect", self.on_disconnect, nsp)
        self.library.on("*", self.on_event, nsp)

    async def on_connect(self):
        self.report("connect", sid=self.library.get_sid(self.nsp))
        if "emitOnConnect" in self.options:
            event, *args = self.options["emitOnConnect"]
            await self.library.emit(event, tuple(args), self.nsp)

    async def on_connect_error(self, error=None, *_more):
        self.refused = True
        if not isinstance(error, dict):
            error = {} if error is None else {"message": str(error)}
        self.report("connect_error", **{key: error[key] for key in ("message", "data") if key in error})

    async def on_disconnect(self, reason):
        self.report("disconnect", reason=str(reason))

    async def on_event(self, event, *args):
        if asked.get():
            return await self.question(event, args)
        self.report("event", event=event, args=args)

    def auth(self):
        given = self.options.get("auth")
        calls = itertools.count(1)
        return (lambda: {**(given or {}), "call": next(calls)}) if self.options.get("authFunction") else given

    async def connect(self, options):
        if "auth" in options:
            self.options.update(options)
        given = renamed(self.options, CONNECT)
        if self.options.get("upgrade") is False and self.options.get("transports", ["polling"])[0] == "polling":
            given["transports"] = ["polling"]
        self.refused = False
        retry, auth = self.library.reconnection, self.auth()

        async def connect():
            if self.leaving is not None and not self.leaving.done():
                await asyncio.wait([self.leaving])
            await self.library.connect(self.url, namespaces=[self.nsp], retry=retry, auth=auth, **given)

        def failed(error):
            if not self.refused:
                self.report("connect_error", message=str(error))

        await self.start(connect(), failed=failed)

    async def emit(self, event, args, ack, timeout, volatile):
        if volatile:
            raise Unsupported("volatile")

        def answered(*args):
            self.report("ack", ack=ack, args=args)

        def failed(error):
            self.report("ack_error", ack=ack, message=str(error) or type(error).__name__)

        if ack is None or timeout is None:
            await self.library.emit(event, tuple(args), self.nsp, None if ack is None else answered)
        else:
            calling = self.library.call(event, tuple(args), self.nsp, timeout / 1000)
            await self.start(calling, lambda result: answered(*listed(result)), failed)

    async def disconnect(self):
        self.leaving = await self.start(self.library.disconnect())

    async def close(self):
        self.library.reconnection = False
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self.library.shutdown(), GRACE)
        if self.library.eio.http is not None:
            await self.library.eio.http.close()


def listed(result):
    """What `call` returns, as the arguments that came."""
    return list(result) if isinstance(result, tuple) else [] if result is None else [result]


if __name__ == "__main__":
    version = importlib.metadata.version("python-socketio")
    drive({"name": "python-socketio", "version": version, "client": CAPABILITIES}, Namespace)
