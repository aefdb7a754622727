"""What the python-socketio servers have in common. This folder is no target: the folders beside it use it."""
import os
import re


class Namespaces:
    """The namespaces that the server accepts. The library only asks whether a name is `in` this object."""

    def __contains__(self, name):
        return re.fullmatch(r"/|/custom|/refused|/guarded|/slow|/dyn-[0-9]+", name) is not None


VARIANTS = {
    "": {},
    "no-upgrades": {"allow_upgrades": False},
    "polling-only": {"transports": ["polling"]},
    "websocket-only": {"transports": ["websocket"]},
    "cors": {"cors_allowed_origins": "http://allowed.example", "cors_credentials": True},
    "cookie": {"cookie": "io"},
    "slow-heartbeat": {"ping_interval": 25, "ping_timeout": 20},
    "refuse-handshake": {},  # no option, but a handler
}
PORT = int(os.environ["PORT"])
VARIANT = os.environ.get("VARIANT", "")
# Not as docs/server-app.md says it: python-engineio announces its ping interval in whole seconds, and there is no
# connect timeout. `async_handlers=False` runs the handlers of a client one after the other, so that the answers to
# two events come in the order of the events.
OPTIONS = {
    "ping_interval": 1,
    "ping_timeout": 1,
    "max_http_buffer_size": 1_000_000,
    "async_handlers": False,
    "namespaces": Namespaces(),
} | VARIANTS[VARIANT]
