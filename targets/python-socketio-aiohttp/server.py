"""The test application of docs/server-app.md on python-socketio and aiohttp."""
from aiohttp import web
from app import application
from common import PORT

app = web.Application()
application("aiohttp").attach(app)
# Without the signal handlers of aiohttp, which wait for open connections, SIGTERM ends the process at once.
web.run_app(app, host="127.0.0.1", port=PORT, access_log=None, print=None, handle_signals=False)
