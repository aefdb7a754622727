"""Drives the packets of python-socketio and python-engineio for siospec: JSON Lines, see docs/driver.md."""

import base64
import importlib.metadata
import json
import math
import sys

import engineio.packet
import engineio.payload
import socketio.packet

SOCKET_TYPES = ["connect", "disconnect", "event", "ack", "connect_error", "event", "ack"]
ENGINE_TYPES = ["open", "close", "ping", "pong", "message", "upgrade", "noop"]


class Unsupported(Exception):
    """The driver protocol has it, Python has not."""


def say(value):
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


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
        return {"$binary": base64.b64encode(value).decode()}
    if isinstance(value, float) and not math.isfinite(value):
        return {"$number": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
        return {"$number": str(value)}
    if isinstance(value, (list, tuple)):
        return [tell(item) for item in value]
    if isinstance(value, dict):
        return {key: tell(item) for key, item in value.items()}
    return value


def tell_frame(frame):
    return frame if isinstance(frame, str) else tell(frame)


def attempt(run):
    """Runs something that may raise; what it raises is an outcome."""
    try:
        return run()
    except Unsupported as why:
        return {"unsupported": str(why)}
    except Exception as error:  # whatever a decoder raises is its way to refuse
        return {"error": f"{type(error).__name__}: {error}"[:500]}


def tell_engine(packet):
    if packet.packet_type not in range(len(ENGINE_TYPES)):
        # The packet class takes any digit; the server closes the session over one that it does not know.
        return {"error": f"unknown packet type {packet.packet_type}"}
    told = {"type": ENGINE_TYPES[packet.packet_type]}
    if packet.data is not None:
        told["data"] = tell(packet.data)
    return {"packet": told}


def tell_socket(packet, with_data):
    if packet.packet_type not in range(len(SOCKET_TYPES)):
        # The servers raise "Unknown packet type." for it.
        return {"error": f"unknown packet type {packet.packet_type}"}
    told = {"type": SOCKET_TYPES[packet.packet_type], "nsp": packet.namespace or "/"}
    if packet.id is not None:
        told["id"] = tell(packet.id)
    if with_data and packet.data is not None:
        told["data"] = tell(packet.data)
    return {"packet": told}


def decode_engine(frames, _with_data):
    return [
        attempt(lambda: tell_engine(engineio.packet.Packet(encoded_packet=revive(frame)))) for frame in frames
    ]


def decode_payload(frames, _with_data):
    body = revive(frames[0])
    packets = attempt(lambda: engineio.payload.Payload(encoded_payload=body).packets)
    if not isinstance(packets, list):
        return [packets]
    outcomes = []
    for packet in packets:
        outcomes.append(tell_engine(packet))
        # An unknown type ends the session before the server looks at the next packet.
        if "error" in outcomes[-1]:
            break
    return outcomes


def decode_socket(frames, with_data):
    """As server.py of python-socketio does it: a binary packet waits for its attachments, which come before all else."""
    waiting = None
    outcomes = []
    for frame in frames:
        if isinstance(frame, dict) and frame.get("$reset"):
            waiting = None
            continue

        def step(frame=frame):
            nonlocal waiting
            data = revive(frame)
            if waiting is not None:
                packet = waiting
                if packet.add_attachment(data):
                    waiting = None
                    return tell_socket(packet, with_data)
                return {"wait": True}
            packet = socketio.packet.Packet(encoded_packet=data)
            binary = packet.packet_type in (socketio.packet.BINARY_EVENT, socketio.packet.BINARY_ACK)
            if binary:
                waiting = packet
                return {"wait": True}
            return tell_socket(packet, with_data)

        outcomes.append(attempt(step))
    return outcomes


def encode_engine(packet, _repeat):
    return attempt(lambda: {"frames": [tell_frame(engine_packet(packet).encode())]})


def engine_packet(packet):
    return engineio.packet.Packet(ENGINE_TYPES.index(packet["type"]), data=revive(packet.get("data")))


def encode_payload(packets, _repeat):
    return attempt(
        lambda: {"frames": [engineio.payload.Payload(packets=[engine_packet(p) for p in packets]).encode()]}
    )


def encode_socket(packet, repeat):
    def encode():
        data = revive(packet.get("data"))
        frames = None
        for _ in range(repeat):
            encoded = socketio.packet.Packet(
                SOCKET_TYPES.index(packet["type"]), data=data, namespace=packet.get("nsp"), id=packet.get("id")
            ).encode()
            frames = encoded if isinstance(encoded, list) else [encoded]
        return {"frames": [tell_frame(frame) for frame in frames]}

    return attempt(encode)


DECODERS = {"engine-packet": decode_engine, "engine-payload": decode_payload, "socket-packet": decode_socket}
ENCODERS = {"engine-packet": encode_engine, "engine-payload": encode_payload, "socket-packet": encode_socket}


def answer(request):
    codec, what = request.get("codec"), request.get("do")
    if what == "decode" and codec in DECODERS:
        with_data = request.get("data") is not False
        return {"results": [DECODERS[codec](frames, with_data) for frames in request["inputs"]]}
    if what == "encode" and codec in ENCODERS:
        repeat = request.get("repeat", 1)
        return {"results": [[ENCODERS[codec](packet, repeat)] for packet in request["inputs"]]}
    return {"unsupported": f"{what} {codec or ''}".strip()}


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
