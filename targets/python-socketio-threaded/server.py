"""The test application of docs/server-app.md on python-socketio and werkzeug, with threads."""
import logging

import socketio
from common import OPTIONS, PORT, VARIANT
from werkzeug.serving import make_server

auths = {}  # by Socket.IO id, until `auth` is emitted
runs = []  # the handlers that ran, each with the Socket.IO id


class Manager(socketio.Manager):
    """Emits `auth` once a client is accepted. A connect handler comes too early: its events overtake the CONNECT."""

    def connect(self, sid, namespace):
        sid = super().connect(sid, namespace)
        if sid in auths:
            self.server.emit("auth", auths.pop(sid), to=sid, namespace=namespace)
        return sid


sio = socketio.Server(async_mode="threading", client_manager=Manager(), **OPTIONS)
if VARIANT == "refuse-handshake":
    sio.eio.on("connect", lambda sid, environ: "Not today")


# Every namespace: a handler of the namespace "*" is told which one it is.


@sio.on("connect", namespace="*")
def connect(namespace, sid, environ, auth):
    if namespace == "/refused" or namespace == "/guarded" and auth != {"token": "123"}:
        raise socketio.exceptions.ConnectionRefusedError("Not authorized", {"code": 1})
    if namespace == "/slow":
        sio.sleep(0.1)
    if namespace in ("/", "/custom"):
        auths[sid] = auth or {}
    runs.append((sid, "connect"))


@sio.on("disconnect", namespace="*")
def disconnect(namespace, sid, reason):
    runs.append((sid, "disconnect"))


@sio.on("message", namespace="*")
@sio.on("mess€ge", namespace="*")
def message(namespace, sid, *args):
    sio.emit("message-back", args, to=sid, namespace=namespace)


@sio.on("message-with-ack", namespace="*")
def message_with_ack(namespace, sid, *args):
    return args


@sio.on("ask", namespace="*")
def ask(namespace, sid, event, *args):
    def answer(*values):
        sio.emit("answer", values, to=sid, namespace=namespace)

    sio.emit(event, args, to=sid, namespace=namespace, callback=answer)


@sio.on("leave", namespace="*")
def leave(namespace, sid):
    sio.disconnect(sid, namespace=namespace)


@sio.on("join", namespace="*")
def join(namespace, sid, room):
    sio.enter_room(sid, room, namespace=namespace)


@sio.on("shout", namespace="*")
def shout(namespace, sid, room, value):
    sio.emit("shout", value, room=room, namespace=namespace)


# The main namespace.


@sio.event
def attach(sid, n):
    sio.emit("attached", tuple(bytes([i, n]) for i in range(n)), to=sid)


@sio.event
def burst(sid, n):
    for i in range(n):
        sio.emit("item", i, to=sid)


@sio.event
def big(sid, n):
    sio.emit("big", "a" * n, to=sid)


@sio.event
def bye(sid):
    sio.emit("bye", to=sid)
    eio_sid = sio.manager.eio_sid_from_sid(sid, "/")
    sio.start_background_task(sio.eio.disconnect, eio_sid)  # it waits until everything is sent: not in this handler


@sio.event
def count(sid, of):
    sio.emit("count", {handler: runs.count((of, handler)) for handler in ("connect", "disconnect")}, to=sid)


logging.getLogger("werkzeug").setLevel(logging.ERROR)
make_server("127.0.0.1", PORT, socketio.WSGIApp(sio), threaded=True).serve_forever()
