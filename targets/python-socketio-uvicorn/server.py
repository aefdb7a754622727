"""The test application of docs/server-app.md on python-socketio and uvicorn."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "python-socketio"))

import socketio  # noqa: E402
import uvicorn  # noqa: E402
from app import application  # noqa: E402
from common import PORT  # noqa: E402

app = socketio.ASGIApp(application("asgi"))
uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="error", timeout_graceful_shutdown=0)
