"""The test application of docs/server-app.md on python-socketio and aiohttp."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "python-socketio"))

from aiohttp import web  # noqa: E402
from app import application  # noqa: E402
from common import PORT  # noqa: E402

app = web.Application()
application("aiohttp").attach(app)
# Without the signal handlers of aiohttp, which wait for open connections, SIGTERM ends the process at once.
web.run_app(app, host="127.0.0.1", port=PORT, access_log=None, print=None, handle_signals=False)
