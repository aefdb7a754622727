"""The lines of a driver: each is JSON, and nothing but a line feed ends it."""

import asyncio
import json
import sys
import threading

LONGEST_LINE = 64 * 1024 * 1024
writing = threading.Lock()


def say(message):
    """Writes a message, from whatever thread."""
    line = json.dumps(message) + "\n"
    with writing:
        sys.stdout.write(line)
        sys.stdout.flush()


async def serve(hello, answer):
    """Says hello, of which `hello` has the keys `name`, `version` and `client`, then the answer to each request: what
    `answer` gives for it, but for its id. Ends when the input ends."""
    say({"hello": 1, "language": "Python", **hello})
    lines = asyncio.StreamReader(limit=LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        if line.strip():
            request = json.loads(line)
            say({"id": request["id"], **await answer(request)})
