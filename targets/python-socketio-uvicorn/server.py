"""The test application of docs/server-app.md on python-socketio and uvicorn."""
import socketio
import uvicorn
from app import application
from common import PORT

app = socketio.ASGIApp(application("asgi"))
uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="error", timeout_graceful_shutdown=0)
