"""What the python-socketio servers have in common: options, variants, counts.

This folder is no target: the folders python-socketio-* hold the manifests and use it.
"""
import os
import re
import threading


class Namespaces:
    """The namespaces that the server accepts. The library only asks whether a name is `in` this object."""

    def __contains__(self, name):
        return re.fullmatch(r"/|/custom|/refused|/guarded|/slow|/dyn-[0-9]+", name) is not None


# Not as docs/server-app.md says it: python-engineio announces its ping interval in whole seconds, and there is no
# connect timeout. `async_handlers=False` runs the handlers of a client one after the other, so that the answers to
# two events come in the order of the events.
OPTIONS = {
    "ping_interval": 1,
    "ping_timeout": 1,
    "max_http_buffer_size": 1_000_000,
    "async_handlers": False,
    "namespaces": Namespaces(),
}
VARIANTS = {
    "": {},
    "no-upgrades": {"allow_upgrades": False},
    "polling-only": {"transports": ["polling"]},
    "websocket-only": {"transports": ["websocket"]},
    "cors": {"cors_allowed_origins": "http://allowed.example", "cors_credentials": True},
    "cookie": {"cookie": "io"},
    "slow-heartbeat": {"ping_interval": 25, "ping_timeout": 20},
    "refuse-handshake": {},  # no option, but a handler: see prepare()
}

PORT = int(os.environ["PORT"])
VARIANT = os.environ.get("VARIANT", "")


def options():
    """The arguments of the server for this run."""
    return OPTIONS | VARIANTS[VARIANT]


def prepare(sio):
    """Lets the application refuse every Engine.IO handshake, in the variant of that name."""
    if VARIANT == "refuse-handshake":
        sio.eio.on("connect", lambda sid, environ: "Not today")


def bounded(n, limit):
    """A number that came from a client, or 0 where it is unusable."""
    return n if isinstance(n, int) and 0 <= n <= limit else 0


class Counts:
    """How often the two handlers have run for each Socket.IO id, for the latest 10,000 ids."""

    def __init__(self):
        self.runs = {}
        self.lock = threading.Lock()

    def add(self, sid, handler):
        with self.lock:
            self.runs.setdefault(sid, {"connect": 0, "disconnect": 0})[handler] += 1
            if len(self.runs) > 10_000:
                del self.runs[next(iter(self.runs))]

    def get(self, sid):
        return self.runs.get(str(sid), {"connect": 0, "disconnect": 0})
