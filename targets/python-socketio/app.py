"""The test application of docs/server-app.md on python-socketio, for the asyncio servers."""
import socketio
from common import OPTIONS, VARIANT

auths = {}  # by Socket.IO id, until `auth` is emitted
runs = []  # the handlers that ran, each with the Socket.IO id


class Manager(socketio.AsyncManager):
    """Emits `auth` once a client is accepted. A connect handler comes too early: its events overtake the CONNECT."""

    async def connect(self, sid, namespace):
        sid = await super().connect(sid, namespace)
        if sid in auths:
            await self.server.emit("auth", auths.pop(sid), to=sid, namespace=namespace)
        return sid


def application(async_mode):
    """The server with all its handlers; `async_mode` is the library's name for the web framework around it."""
    sio = socketio.AsyncServer(async_mode=async_mode, client_manager=Manager(), **OPTIONS)
    if VARIANT == "refuse-handshake":
        sio.eio.on("connect", lambda sid, environ: "Not today")

    # Every namespace: a handler of the namespace "*" is told which one it is.

    @sio.on("connect", namespace="*")
    async def connect(namespace, sid, environ, auth):
        if namespace == "/refused" or namespace == "/guarded" and auth != {"token": "123"}:
            raise socketio.exceptions.ConnectionRefusedError("Not authorized", {"code": 1})
        if namespace == "/slow":
            await sio.sleep(0.1)
        if namespace in ("/", "/custom"):
            auths[sid] = auth or {}
        runs.append((sid, "connect"))

    @sio.on("disconnect", namespace="*")
    async def disconnect(namespace, sid, reason):
        runs.append((sid, "disconnect"))

    @sio.on("message", namespace="*")
    @sio.on("mess€ge", namespace="*")
    async def message(namespace, sid, *args):
        await sio.emit("message-back", args, to=sid, namespace=namespace)

    @sio.on("message-with-ack", namespace="*")
    async def message_with_ack(namespace, sid, *args):
        return args

    @sio.on("ask", namespace="*")
    async def ask(namespace, sid, event, *args):
        async def answer(*values):
            await sio.emit("answer", values, to=sid, namespace=namespace)

        await sio.emit(event, args, to=sid, namespace=namespace, callback=answer)

    @sio.on("leave", namespace="*")
    async def leave(namespace, sid):
        await sio.disconnect(sid, namespace=namespace)

    @sio.on("join", namespace="*")
    async def join(namespace, sid, room):
        await sio.enter_room(sid, room, namespace=namespace)

    @sio.on("shout", namespace="*")
    async def shout(namespace, sid, room, value):
        await sio.emit("shout", value, room=room, namespace=namespace)

    # The main namespace.

    @sio.event
    async def attach(sid, n):
        await sio.emit("attached", tuple(bytes([i, n]) for i in range(n)), to=sid)

    @sio.event
    async def burst(sid, n):
        for i in range(n):
            await sio.emit("item", i, to=sid)

    @sio.event
    async def big(sid, n):
        await sio.emit("big", "a" * n, to=sid)

    @sio.event
    async def bye(sid):
        await sio.emit("bye", to=sid)
        eio_sid = sio.manager.eio_sid_from_sid(sid, "/")
        sio.start_background_task(sio.eio.disconnect, eio_sid)  # it waits until everything is sent: not in this handler

    @sio.event
    async def count(sid, of):
        await sio.emit("count", {handler: runs.count((of, handler)) for handler in ("connect", "disconnect")}, to=sid)

    return sio
