"""Drives the asyncio client of python-socketio for siospec: JSON Lines, see docs/driver.md."""

import asyncio
import base64
import contextlib
import contextvars
import importlib.metadata
import json
import math
import sys
import urllib.parse

import aiohttp
import socketio

CAPABILITIES = [
    "polling", "websocket", "upgrade", "force-new", "binary", "ack", "ack-timeout", "answer", "auth", "auth-function",
    "query", "headers", "cookies", "path", "reconnection", "reconnection-attempts", "reconnection-delay", "timeout",
    "connect-handler", "sid",
]  # fmt: skip
OPTIONS = {
    "path", "transports", "upgrade", "auth", "authFunction", "query", "headers", "cookies", "reconnection", "forceNew",
    "reconnectionAttempts", "reconnectionDelay", "reconnectionDelayMax", "randomizationFactor", "timeout", "emitOnConnect",
}  # fmt: skip
# How long the end of a connection may take before it is cut, in seconds.
GRACE = 1
LONGEST_LINE = 64 * 1024 * 1024

asked = contextvars.ContextVar("asked", default=False)


class Unsupported(Exception):
    """The driver protocol has it, the library has not."""


class Client(socketio.AsyncClient):
    """The client of the library, which tells its handlers whether an answer is asked for."""

    async def _handle_event(self, namespace, id, data):
        asked.set(id is not None)
        await super()._handle_event(namespace, id, data)


class Namespace:
    """One namespace of a case. The library joins all namespaces when it connects, so that each has its own connection."""

    def __init__(self, case, nsp, url, options):
        for key in options.keys() - OPTIONS:
            raise Unsupported(f"the option {key}")
        self.case, self.nsp, self.options = case, nsp, options
        self.failed = False
        self.tasks = set()
        self.leaving = None
        query = urllib.parse.urlencode(options.get("query", {}))
        self.url = f"{url}?{query}" if query else url
        given = {"handle_sigint": False, "reconnection": options.get("reconnection", False)}
        # The library never ends a session that is given to it. Its own keeps no cookies of an address such as 127.0.0.1.
        self.session = None
        if options.get("cookies"):
            self.session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
            given["http_session"] = self.session
        given["randomization_factor"] = options.get("randomizationFactor", 0)
        if "reconnectionAttempts" in options:
            given["reconnection_attempts"] = options["reconnectionAttempts"]
        for ours, theirs in [
            ("reconnectionDelay", "reconnection_delay"),
            ("reconnectionDelayMax", "reconnection_delay_max"),
            ("timeout", "request_timeout"),
        ]:
            if ours in options:
                given[theirs] = options[ours] / 1000
        self.client = Client(**given)
        self.client.on("connect", self.on_connect, nsp)
        self.client.on("connect_error", self.on_connect_error, nsp)
        self.client.on("disconnect", self.on_disconnect, nsp)
        self.client.on("*", self.on_event, nsp)

    def report(self, report, **keys):
        self.case.report(report, nsp=self.nsp, **keys)

    async def on_connect(self):
        self.report("connect", sid=self.client.get_sid(self.nsp))
        if "emitOnConnect" in self.options:
            event, *args = revive(self.options["emitOnConnect"])
            await self.client.emit(event, tuple(args), self.nsp)

    async def on_connect_error(self, *data):
        self.failed = True
        error = data[0] if data else None
        keys = {}
        if isinstance(error, dict):
            keys = {key: tell(error[key]) for key in ("message", "data") if key in error}
        elif error is not None:
            keys["message"] = str(error)
        self.report("connect_error", **keys)

    async def on_disconnect(self, reason):
        self.report("disconnect", reason=str(reason))

    async def on_event(self, event, *args):
        if not asked.get():
            self.report("event", event=event, args=tell(args))
            return None
        answer = asyncio.get_running_loop().create_future()
        number = len(self.case.answers) + 1
        self.case.answers[number] = answer
        self.report("event", event=event, args=tell(args), ack=number)
        return await answer

    def auth(self):
        given = revive(self.options.get("auth"))
        if not self.options.get("authFunction"):
            return given
        calls = 0

        def auth():
            nonlocal calls
            calls += 1
            return {**(given or {}), "call": calls}

        return auth

    async def connect(self):
        """Asks the library to connect. Where it refuses at once that is raised."""
        transports = self.options.get("transports")
        if self.options.get("upgrade") is False and (transports or ["polling"])[0] == "polling":
            transports = ["polling"]
        given = {"headers": self.options.get("headers", {}), "auth": self.auth(), "transports": transports}
        if "timeout" in self.options:
            given["wait_timeout"] = self.options["timeout"] / 1000
        self.failed = False
        path = self.options.get("path", "/socket.io/").strip("/")
        retry = self.client.reconnection

        async def connect():
            if self.leaving is not None and not self.leaving.done():
                await asyncio.wait([self.leaving])
            await self.client.connect(self.url, namespaces=[self.nsp], socketio_path=path, retry=retry, **given)

        def failed(error):
            if not self.failed:
                self.report("connect_error", message=str(error))

        await self.start(connect(), failed)

    async def emit(self, event, args, ack=None, timeout=None):
        def answered(*args):
            self.report("ack", ack=ack, args=tell(args))

        def failed(error):
            self.report("ack_error", ack=ack, message=str(error) or type(error).__name__)

        data = tuple(revive(args))
        if ack is None:
            await self.client.emit(event, data, self.nsp)
        elif timeout is None:
            await self.client.emit(event, data, self.nsp, answered)
        else:
            calling = self.client.call(event, data, self.nsp, timeout / 1000)
            await self.start(calling, failed, lambda result: answered(*listed(result)))

    async def disconnect(self):
        self.leaving = await self.start(self.client.disconnect(), lambda error: print(repr(error), file=sys.stderr))

    async def start(self, coroutine, failed, done=lambda _result: None):
        """Runs a coroutine of the library up to its first wait, and the rest of it later."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self.tasks.add(task)
        await asyncio.sleep(0)
        if task.done() and not task.cancelled() and task.exception():
            self.tasks.discard(task)
            raise task.exception()

        def ended(task):
            self.tasks.discard(task)
            if not task.cancelled():
                failed(task.exception()) if task.exception() else done(task.result())

        task.add_done_callback(ended)
        return task

    async def close(self):
        self.client.reconnection = False
        for task in self.tasks:
            task.cancel()
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self.client.shutdown(), GRACE)
        if self.session is not None:
            await self.session.close()
        if self.client.eio.http is not None:
            await self.client.eio.http.close()


class Case:
    def __init__(self, name):
        self.name = name
        self.namespaces = {}
        self.connections = []
        self.answers = {}
        self.closed = False

    def report(self, report, **keys):
        if not self.closed:
            say({"case": self.name, "report": report, **keys})

    async def connect(self, url, nsp, options=None):
        if nsp not in self.namespaces or (options or {}).get("forceNew"):
            self.namespaces[nsp] = Namespace(self, nsp, url, options or {})
            self.connections.append(self.namespaces[nsp])
        elif "auth" in (options or {}):
            self.namespaces[nsp].options.update(options)
        await self.namespaces[nsp].connect()

    async def emit(self, nsp, event, args, ack=None, timeout=None, volatile=False, retries=None):
        if volatile or retries is not None:
            raise Unsupported("volatile and retries")
        await self.namespaces[nsp].emit(event, args, ack, timeout)

    async def ack(self, ack, args):
        if self.answers[ack].done():
            raise Unsupported("a handler answers by what it returns, which it does once")
        self.answers[ack].set_result(tuple(revive(args)))

    async def disconnect(self, nsp):
        await self.namespaces[nsp].disconnect()

    async def close(self):
        self.closed = True
        for answer in self.answers.values():
            answer.cancel()
        for namespace in self.connections:
            closing.add(task := asyncio.get_running_loop().create_task(namespace.close()))
            task.add_done_callback(closing.discard)


cases = {}
closing = set()


async def answer(request):
    what, name = request.pop("do"), request.pop("case", None)
    if what not in ("connect", "emit", "ack", "disconnect", "close"):
        return {"unsupported": what}
    case = cases.pop(name, Case(name)) if what == "close" else cases.setdefault(name, Case(name))
    try:
        await getattr(case, what)(**request)
        return {}
    except Unsupported as why:
        return {"unsupported": str(why)}
    except Exception as error:  # whatever the library raises is its way to refuse
        return {"error": f"{type(error).__name__}: {error}"}


def say(value):
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def listed(result):
    """What `call` returns, as the arguments that came."""
    return list(result) if isinstance(result, tuple) else [] if result is None else [result]


def revive(value):
    """A value of the driver protocol as one of Python."""
    if isinstance(value, list):
        return [revive(item) for item in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("$binary"), str):
        return base64.b64decode(value["$binary"])
    if isinstance(value.get("$number"), str):
        text = value["$number"]
        return int(text) if text.lstrip("-").isdigit() and text != "-0" else float(text)
    if "$undefined" in value:
        raise Unsupported("Python has no undefined")
    return {key: revive(item) for key, item in value.items()}


def tell(value):
    """A value of Python as one of the driver protocol."""
    if isinstance(value, (bytes, bytearray)):
        return {"$binary": base64.b64encode(value).decode()}
    if isinstance(value, float) and not math.isfinite(value):
        return {"$number": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
        return {"$number": str(value)}
    if isinstance(value, (list, tuple)):
        return [tell(item) for item in value]
    if isinstance(value, dict):
        return {key: tell(item) for key, item in value.items()}
    return value


async def main():
    say(
        {
            "hello": 1,
            "name": "python-socketio",
            "version": importlib.metadata.version("python-socketio"),
            "language": "Python",
            "client": CAPABILITIES,
        }
    )
    lines = asyncio.StreamReader(limit=LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        if line.strip():
            request = json.loads(line)
            number = request.pop("id")
            say({"id": number, **await answer(request)})


if __name__ == "__main__":
    asyncio.run(main())
