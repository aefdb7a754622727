"""Drives the packets of python-socketio and python-engineio for siospec: JSON Lines, see docs/driver.md."""

import base64
import importlib.metadata
import json
import math
import re
import sys

import engineio.packet
import engineio.payload
import socketio.packet

SOCKET_TYPES = ["connect", "disconnect", "event", "ack", "connect_error", "event", "ack"]
ENGINE_TYPES = ["open", "close", "ping", "pong", "message", "upgrade", "noop"]


class Unsupported(Exception):
    """The driver protocol has it, Python has not."""


def say(value):
    sys.stdout.write(dumps(value) + "\n")
    sys.stdout.flush()


def tell_bytes(value):
    """What JSON has no word for: bytes."""
    if isinstance(value, (bytes, bytearray)):
        return {"$binary": base64.b64encode(value).decode()}
    raise TypeError(type(value).__name__)


def dumps(value):
    """JSON text of a value that was told already, or has nothing but bytes to be told."""
    return json.dumps(value, separators=(",", ":"), default=tell_bytes)


# Numbers that JSON does not have, or that do not fit one: Infinity, 1e400, 9223372036854775808.
ODD_NUMBERS = re.compile(r"[0-9][eE]|[0-9]{19}|NaN|Infinity")


def revive(value):
    """A value of the driver protocol as one of Python."""
    if isinstance(value, list):
        return [revive(item) for item in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("$binary"), str):
        return base64.b64decode(value["$binary"])
    if isinstance(value.get("$number"), str):
        text = value["$number"]
        return int(text) if text.isdigit() else float(text)
    if isinstance(value.get("$special"), str):
        return special(value)
    return {key: revive(item) for key, item in value.items()}


def special(value):
    word = value["$special"]
    if word in ("undefined", "null"):
        return None
    if word == "number":
        return 42
    if word == "cycle":
        cycle = {}
        cycle["itself"] = cycle
        return cycle
    raise Unsupported(f"Python has no {word}")


def tell(value):
    """A value of Python as one of the driver protocol."""
    if isinstance(value, (bytes, bytearray)):
        return tell_bytes(value)
    if isinstance(value, float) and not math.isfinite(value):
        return {"$number": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
        return {"$number": str(value)}
    if isinstance(value, (list, tuple)):
        return [tell(item) for item in value]
    if isinstance(value, dict):
        return {key: tell(item) for key, item in value.items()}
    return value


def attempt(run, *arguments):
    """Runs something that may raise; what it raises is a result."""
    try:
        return run(*arguments)
    except Exception as error:  # whatever a decoder raises is its way to refuse
        return error


def tell_error(error):
    if isinstance(error, Unsupported):
        return {"unsupported": str(error)}
    return {"error": f"{type(error).__name__}: {error}"[:500]}


def tell_data(packet, text):
    """The data of a packet. What JSON text of plain numbers was made into needs no telling."""
    if isinstance(text, str) and not ODD_NUMBERS.search(text):
        return packet.data
    return tell(packet.data)


def tell_engine(packet, text, _with_data):
    if packet.packet_type not in range(len(ENGINE_TYPES)):
        # The packet class takes any digit; the server closes the session over one that it does not know.
        return {"error": f"unknown packet type {packet.packet_type}"}
    told = {"type": ENGINE_TYPES[packet.packet_type]}
    if packet.data is not None:
        told["data"] = tell_data(packet, text)
    return {"packet": told}


def tell_socket(packet, text, with_data):
    if packet is None:
        return {"wait": True}
    if packet.packet_type not in range(len(SOCKET_TYPES)):
        # The servers raise "Unknown packet type." for it.
        return {"error": f"unknown packet type {packet.packet_type}"}
    told = {"type": SOCKET_TYPES[packet.packet_type], "nsp": packet.namespace or "/"}
    if packet.id is not None:
        told["id"] = tell(packet.id)
    if with_data and packet.data is not None:
        binary = packet.packet_type in (socketio.packet.BINARY_EVENT, socketio.packet.BINARY_ACK)
        told["data"] = tell(packet.data) if binary else tell_data(packet, text)
    return {"packet": told}


def decode_engine(frames):
    return [attempt(engineio.packet.Packet, engineio.packet.NOOP, None, frame) for frame in frames]


def decode_payload(frames):
    packets = attempt(lambda: engineio.payload.Payload(encoded_payload=frames[0]).packets)
    return packets if isinstance(packets, list) else [packets]


RESET = object()


def decode_socket(frames):
    """As server.py of python-socketio does it: a binary packet waits for its attachments, which come before all else."""
    waiting = None
    results = []
    for frame in frames:
        if frame is RESET:
            waiting = None
            continue
        try:
            if waiting is not None:
                packet = waiting
                if packet.add_attachment(frame):
                    waiting = None
                    results.append(packet)
                else:
                    results.append(None)
                continue
            packet = socketio.packet.Packet(encoded_packet=frame)
            if packet.packet_type in (socketio.packet.BINARY_EVENT, socketio.packet.BINARY_ACK):
                waiting = packet
                packet = None
            results.append(packet)
        except Exception as error:  # whatever a decoder raises is its way to refuse
            results.append(error)
    return results


def decode(request, frames):
    """The outcomes of frames, which are decoded so many times from the start."""
    codec = request["codec"]
    work, tell_packet = DECODERS[codec]
    frames = [
        RESET if isinstance(frame, dict) and frame.get("$reset") else frame if isinstance(frame, str) else revive(frame)
        for frame in frames
    ]
    results = work(frames)
    for _ in range(1, request.get("repeat", 1)):
        results = work(frames)
    texts = [frames[0]] * len(results) if codec == "engine-payload" else [frame for frame in frames if frame is not RESET]
    with_data = request.get("data") is not False
    outcomes = []
    for result, text in zip(results, texts):
        outcomes.append(tell_error(result) if isinstance(result, Exception) else tell_packet(result, text, with_data))
        # An unknown type ends the session before the server looks at the next packet of a payload.
        if codec == "engine-payload" and "error" in outcomes[-1]:
            break
    return outcomes


def revive_engine(packet):
    return ENGINE_TYPES.index(packet["type"]), revive(packet.get("data"))


def encode_engine(packet):
    return [engineio.packet.Packet(packet[0], data=packet[1]).encode()]


def revive_payload(packets):
    return [revive_engine(packet) for packet in packets]


def encode_payload(packets):
    packets = [engineio.packet.Packet(kind, data=data) for kind, data in packets]
    return [engineio.payload.Payload(packets=packets).encode()]


def revive_socket(packet):
    return {
        "packet_type": SOCKET_TYPES.index(packet["type"]),
        "data": revive(packet.get("data")),
        "namespace": packet.get("nsp"),
        "id": packet.get("id"),
    }


def encode_socket(packet):
    encoded = socketio.packet.Packet(**packet).encode()
    return encoded if isinstance(encoded, list) else [encoded]


def encode(request, packet):
    """The outcome of a packet, which is encoded so many times from the same value."""
    revived, work = ENCODERS[request["codec"]]
    try:
        packet = revived(packet)
        frames = work(packet)
        for _ in range(1, request.get("repeat", 1)):
            frames = work(packet)
        return [{"frames": frames}]
    except Exception as error:  # whatever an encoder raises is its way to refuse
        return [tell_error(error)]


DECODERS = {
    "engine-packet": (decode_engine, tell_engine),
    "engine-payload": (decode_payload, tell_engine),
    "socket-packet": (decode_socket, tell_socket),
}
ENCODERS = {
    "engine-packet": (revive_engine, encode_engine),
    "engine-payload": (revive_payload, encode_payload),
    "socket-packet": (revive_socket, encode_socket),
}


def answer(request):
    what = request.get("do")
    work = {"decode": decode, "encode": encode}.get(what)
    if work is None or request.get("codec") not in DECODERS:
        return {"unsupported": f"{what} {request.get('codec') or ''}".strip()}
    return {"results": [work(request, each) for each in request["inputs"]]}


def main():
    say(
        {
            "hello": 1,
            "name": "python-socketio-packets",
            "version": importlib.metadata.version("python-socketio"),
            "language": "Python",
            "codecs": list(DECODERS),
        }
    )
    for line in sys.stdin:
        if line.strip():
            request = json.loads(line)
            say({"id": request["id"], **answer(request)})


if __name__ == "__main__":
    main()
