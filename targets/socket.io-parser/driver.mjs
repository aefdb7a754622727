// Drives socket.io-parser and engine.io-parser for siospec: JSON Lines, see docs/driver.md.
import { readFileSync } from "node:fs";
import * as engine from "engine.io-parser";
import * as socket from "socket.io-parser";

const manifest = new URL("node_modules/socket.io-parser/package.json", import.meta.url);
const { version } = JSON.parse(readFileSync(manifest, "utf8"));
const SOCKET_TYPES = ["connect", "disconnect", "event", "ack", "connect_error", "event", "ack"];

class Unsupported extends Error {}

const say = (value) => process.stdout.write(JSON.stringify(value) + "\n");

/** A value of the driver protocol as one of JavaScript. */
function revive(value) {
  if (Array.isArray(value)) return value.map(revive);
  if (value === null || typeof value !== "object") return value;
  if (typeof value.$binary === "string") return Buffer.from(value.$binary, "base64");
  if (typeof value.$number === "string") return Number(value.$number);
  if (typeof value.$special === "string") return special(value);
  const object = {};
  for (const [key, inner] of Object.entries(value)) {
    Object.defineProperty(object, key, { value: revive(inner), enumerable: true, writable: true, configurable: true });
  }
  return object;
}

function special({ $special: word, value, start, end }) {
  switch (word) {
    case "undefined":
      return undefined;
    case "null":
      return null;
    case "number":
      return 42;
    case "date":
      return new Date(value);
    case "int32":
      return Int32Array.from(value);
    case "view": {
      const bytes = Uint8Array.from(revive(value));
      return new Uint8Array(bytes.buffer, start, end - start);
    }
    case "tojson": {
      const inner = revive(value);
      return { toJSON: () => inner };
    }
    case "null-prototype":
      return Object.assign(Object.create(null), revive(value));
    case "cycle": {
      const cycle = {};
      cycle.itself = cycle;
      return cycle;
    }
    default:
      throw new Unsupported(`there is no special value ${word}`);
  }
}

/** A value of JavaScript as one of the driver protocol. */
function tell(value) {
  if (value === undefined) return { $undefined: true };
  if (typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))) {
    return { $number: Object.is(value, -0) ? "-0" : String(value) };
  }
  if (typeof value === "function") return { $function: value.name };
  if (value === null || typeof value !== "object") return value;
  if (Buffer.isBuffer(value) || ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return tellBinary(value);
  if (Array.isArray(value)) return Array.from(value, tell);
  // Entries, so that a member called __proto__ stays a member.
  const object = Object.create(null);
  for (const key of Object.keys(value)) object[key] = tell(value[key]);
  return object;
}

function tellBinary(value) {
  const bytes = value instanceof ArrayBuffer ? Buffer.from(value) : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return { $binary: bytes.toString("base64") };
}

const tellFrame = (frame) => (typeof frame === "string" ? frame : tellBinary(frame));

/** Runs something that may throw; what it throws is an outcome. */
function attempt(run) {
  try {
    return run();
  } catch (error) {
    if (error instanceof Unsupported) return { unsupported: error.message };
    return { error: String(error?.message ?? error) };
  }
}

function tellEngine(packet) {
  if (packet.type === "error") return { error: String(packet.data) };
  return { packet: packet.data === undefined ? { type: packet.type } : { type: packet.type, data: tell(packet.data) } };
}

function tellSocket(packet, withData) {
  const told = { type: SOCKET_TYPES[packet.type], nsp: packet.nsp };
  if (packet.id !== undefined) told.id = tell(packet.id);
  if (withData && packet.data !== undefined) told.data = tell(packet.data);
  return { packet: told };
}

const decoders = {
  "engine-packet": (frames) => frames.map((frame) => attempt(() => tellEngine(engine.decodePacket(revive(frame), "nodebuffer")))),
  "engine-payload": ([body]) => {
    const packets = attempt(() => engine.decodePayload(revive(body), "nodebuffer"));
    return Array.isArray(packets) ? packets.map(tellEngine) : [packets];
  },
  "socket-packet": (frames, withData) => {
    const decoder = new socket.Decoder();
    let decoded = [];
    decoder.on("decoded", (packet) => decoded.push(packet));
    const outcomes = [];
    for (const frame of frames) {
      if (frame?.$reset) {
        decoder.destroy();
        continue;
      }
      decoded = [];
      outcomes.push(
        attempt(() => {
          decoder.add(revive(frame));
          return decoded.length === 0 ? { wait: true } : tellSocket(decoded[0], withData);
        }),
      );
    }
    return outcomes;
  },
};

const encoders = {
  "engine-packet": (packet) =>
    attempt(() => {
      let frames;
      engine.encodePacket(revive(packet), true, (frame) => (frames = [tellFrame(frame)]));
      return { frames };
    }),
  "engine-payload": (packets) =>
    attempt(() => {
      let text;
      engine.encodePayload(packets.map(revive), (encoded) => (text = encoded));
      return text === undefined ? { error: "nothing was ever given back" } : { frames: [text] };
    }),
  "socket-packet": (packet, repeat) =>
    attempt(() => {
      const { type, nsp = "/", id, data } = packet;
      const value = { type: SOCKET_TYPES.indexOf(type), nsp, data: revive(data) };
      if (id !== undefined) value.id = revive(id);
      const encoder = new socket.Encoder();
      let frames;
      for (let time = 0; time < repeat; time++) frames = encoder.encode(value);
      return { frames: frames.map(tellFrame) };
    }),
};

const pristine = Object.getOwnPropertyNames(Object.prototype).length;

/** The outcomes of one input; changed prototypes are an outcome as well. */
function outcomesOf(request, input) {
  const decode = decoders[request.codec];
  const outcomes =
    request.do === "decode" ? decode(input, request.data !== false) : [encoders[request.codec](input, request.repeat ?? 1)];
  if (Object.getOwnPropertyNames(Object.prototype).length !== pristine) {
    for (const name of Object.getOwnPropertyNames(Object.prototype).slice(pristine)) delete Object.prototype[name];
    return [{ error: "Object.prototype was changed" }, ...outcomes];
  }
  return outcomes;
}

function answer(request) {
  const knows = (request.do === "decode" || request.do === "encode") && Object.hasOwn(decoders, request.codec);
  if (!knows) return { id: request.id, unsupported: `${request.do} ${request.codec ?? ""}`.trim() };
  return { id: request.id, results: request.inputs.map((input) => outcomesOf(request, input)) };
}

say({
  hello: 1,
  name: "socket.io-parser",
  version,
  language: "JavaScript",
  codecs: Object.keys(decoders),
});
// Not `readline`, which also ends lines at U+2028 and U+2029.
let rest = "";
for await (const chunk of process.stdin.setEncoding("utf8")) {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop();
  for (const line of lines) if (line.trim() !== "") say(answer(JSON.parse(line)));
}
