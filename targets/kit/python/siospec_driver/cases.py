"""The cases of a driver: which are open, what they report, and what they answer."""

import asyncio
import sys

from .lines import say, serve
from .values import Unsupported, revive, tell

# The commands, and what is taken of each request: None where a key is absent.
COMMANDS = {
    "connect": ("nsp", "url", "options"),
    "emit": ("nsp", "event", "args", "ack", "timeout", "volatile"),
    "ack": ("ack", "args"),
    "disconnect": ("nsp",),
    "close": (),
}


class Client:
    """A client of one namespace of a case. A driver extends it by what its library does for these commands. Their values are
    those of Python, and what they raise is the answer.

        def __init__(self, case, nsp, url, options)
        async def connect(self, options)      asked again, connects the client that there is
        async def emit(self, event, args, ack, timeout, volatile)
        async def disconnect(self)
        async def close(self)                 ends whatever there is, and may take its time

    Answers wait for nothing: what waits for the server goes through `start`.
    """

    def __init__(self, case, nsp):
        self.case, self.nsp = case, nsp

    def report(self, report, **keys):
        """Reports what the library says of this namespace, in values of Python."""
        self.case.report(report, nsp=self.nsp, **keys)

    async def question(self, event, args):
        """Reports an event that asks for an answer, and waits for that: what its handler returns."""
        answer = asyncio.get_running_loop().create_future()
        self.case.answers.append(answer)
        self.report("event", event=event, args=args, ack=len(self.case.answers))
        return await answer

    async def start(self, coroutine, done=lambda _result: None, failed=lambda error: print(repr(error), file=sys.stderr)):
        """Runs a coroutine of the library up to its first wait, and the rest of it later, until the case is closed. What it
        raises at once is raised; what it returns or raises later is given to `done` or `failed`."""
        tasks = self.case.tasks
        task = asyncio.get_running_loop().create_task(coroutine)
        tasks.add(task)
        await asyncio.sleep(0)
        if task.done() and not task.cancelled() and task.exception():
            tasks.discard(task)
            raise task.exception()

        def ended(task):
            tasks.discard(task)
            if not task.cancelled():
                failed(task.exception()) if task.exception() else done(task.result())

        task.add_done_callback(ended)
        return task


class Case:
    """A case: its clients have connections of their own."""

    def __init__(self, name, make):
        self.name, self.make = name, make
        self.is_open = True
        self.clients, self.all = {}, []
        self.answers, self.tasks = [], set()

    def report(self, report, **keys):
        """Reports something that belongs to no namespace."""
        if self.is_open:
            say({"case": self.name, "report": report, **tell(keys)})

    async def connect(self, nsp, url, options):
        if nsp not in self.clients or options.get("forceNew"):
            self.clients[nsp] = self.make(self, nsp, url, options)
            self.all.append(self.clients[nsp])
        await self.clients[nsp].connect(options)

    async def emit(self, nsp, *keys):
        await self.clients[nsp].emit(*keys)

    async def ack(self, ack, args):
        if self.answers[ack - 1].done():
            raise Unsupported("a handler answers by what it returns, which it does once")
        self.answers[ack - 1].set_result(tuple(args))

    async def disconnect(self, nsp):
        await self.clients[nsp].disconnect()

    async def close(self):
        self.is_open = False
        for waiting in (*self.answers, *self.tasks):
            waiting.cancel()
        for client in self.all:
            # Somebody must hold it until it is done.
            closing.add(task := asyncio.get_running_loop().create_task(client.close()))
            task.add_done_callback(closing.discard)


closing = set()


def drive(hello, client):
    """Drives a library. `hello` has its `name` and `version`, and what it can do as `client`; `client` extends `Client`."""
    cases = {}

    async def answer(request):
        command, name = request["do"], request.get("case")
        if command not in COMMANDS:
            return {"unsupported": command}
        case = cases.get(name) or Case(name, client)
        cases[name] = case
        if command == "close":
            del cases[name]
        try:
            await getattr(case, command)(*(revive(request.get(key)) for key in COMMANDS[command]))
            return {}
        except Unsupported as why:
            return {"unsupported": str(why)}
        except Exception as error:  # whatever the library raises is its way to refuse
            return {"error": f"{type(error).__name__}: {error}"}

    asyncio.run(serve(hello, answer))
