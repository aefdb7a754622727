// Drives socket.io-parser and engine.io-parser for siospec: JSON Lines, see docs/driver.md.
import { readFileSync } from "node:fs";
import * as engine from "engine.io-parser";
import * as socket from "socket.io-parser";

const manifest = new URL("node_modules/socket.io-parser/package.json", import.meta.url);
const { version } = JSON.parse(readFileSync(manifest, "utf8"));
// An error is an outcome: nobody looks at its stack.
Error.stackTraceLimit = 0;
const SOCKET_TYPES = ["connect", "disconnect", "event", "ack", "connect_error", "event", "ack"];

class Unsupported extends Error {}

const say = (value) => process.stdout.write(JSON.stringify(value) + "\n");

/** Numbers that JSON.stringify does not tell as they are: 1e400, -0. */
const ODD_NUMBERS = /-0(?!\.0*[1-9])|\d[eE]/;

/** A value of the driver protocol as one of JavaScript: the same, where JSON.parse made what is meant. */
function revive(value) {
  if (typeof value !== "object" || value === null) return value;
  if (!Array.isArray(value)) {
    if (typeof value.$binary === "string") return Buffer.from(value.$binary, "base64");
    if (typeof value.$number === "string") return Number(value.$number);
    if (typeof value.$special === "string") return special(value);
  }
  for (const key in value) {
    const inner = value[key];
    if (typeof inner !== "object" || inner === null) continue;
    const revived = revive(inner);
    // Not by assignment, so that a member called __proto__ stays a member.
    if (revived !== inner) Object.defineProperty(value, key, { value: revived });
  }
  return value;
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

/** What was thrown in place of a result. */
class Thrown {
  constructor(error) {
    this.error = error;
  }
}

/** Runs something that may throw; what it throws is a result. */
function attempt(run) {
  try {
    return run();
  } catch (error) {
    return new Thrown(error);
  }
}

function tellThrown({ error }) {
  if (error instanceof Unsupported) return { unsupported: error.message };
  return { error: String(error?.message ?? error) };
}

function tellEngine(packet) {
  if (packet.type === "error") return { error: String(packet.data) };
  return { packet: packet.data === undefined ? { type: packet.type } : { type: packet.type, data: tell(packet.data) } };
}

function tellSocket(packet, text, withData) {
  const told = { type: SOCKET_TYPES[packet.type], nsp: packet.nsp };
  if (packet.id !== undefined) told.id = tell(packet.id);
  if (withData && packet.data !== undefined) told.data = isPlain(packet, text) ? packet.data : tell(packet.data);
  return { packet: told };
}

/** Whether the data of a packet is what JSON.parse made of a text, which JSON.stringify can tell by itself. */
const isPlain = (packet, text) => packet.type < 5 && typeof text === "string" && !ODD_NUMBERS.test(text);

const RESET = Symbol("reset");
const WAIT = Symbol("wait");

/** For each codec: results of frames, as the library gives them, and a result as an outcome. */
const decoders = {
  "engine-packet": {
    decode: (frames) => frames.map((frame) => attempt(() => engine.decodePacket(frame, "nodebuffer"))),
    tell: tellEngine,
  },
  "engine-payload": {
    decode: ([body]) => {
      const packets = attempt(() => engine.decodePayload(body, "nodebuffer"));
      return Array.isArray(packets) ? packets : [packets];
    },
    tell: tellEngine,
  },
  "socket-packet": {
    decode: (frames) => {
      const decoder = new socket.Decoder();
      let result;
      decoder.on("decoded", (packet) => {
        if (result === WAIT) result = packet;
      });
      const results = [];
      for (const frame of frames) {
        if (frame === RESET) {
          decoder.destroy();
          continue;
        }
        result = WAIT;
        try {
          decoder.add(frame);
        } catch (error) {
          result = new Thrown(error);
        }
        results.push(result);
      }
      return results;
    },
    tell: (result, frame, withData) => (result === WAIT ? { wait: true } : tellSocket(result, frame, withData)),
  },
};

const isText = (frame) => typeof frame === "string";
const reviveFrame = (frame) => (isText(frame) ? frame : frame?.$reset ? RESET : revive(frame));

/** The outcomes of frames, which are decoded so many times from the start. */
function decode({ codec, repeat, data }, input) {
  const { decode, tell } = decoders[codec];
  const withData = data !== false;
  let frames = input;
  if (!input.every(isText)) {
    frames = attempt(() => input.map(reviveFrame));
    if (frames instanceof Thrown) return input.map(() => tellThrown(frames));
  }
  let results = decode(frames);
  for (let time = 1; time < repeat; time++) results = decode(frames);
  if (frames.includes(RESET)) frames = frames.filter((frame) => frame !== RESET);
  return results.map((result, at) =>
    result instanceof Thrown ? tellThrown(result) : tell(result, frames[at], withData),
  );
}

/** For each codec: the frames of a value, once it is one of JavaScript. */
const encoders = {
  "engine-packet": (packet) => {
    let frames;
    engine.encodePacket(packet, true, (frame) => (frames = [frame]));
    return frames;
  },
  "engine-payload": (packets) => {
    let text;
    engine.encodePayload(packets, (encoded) => (text = encoded));
    if (text === undefined) throw new Error("nothing was ever given back");
    return [text];
  },
  "socket-packet": (packet) => new socket.Encoder().encode(packet),
};

function reviveSocket({ type, nsp = "/", id, data }) {
  const packet = { type: SOCKET_TYPES.indexOf(type), nsp, data: revive(data) };
  if (id !== undefined) packet.id = revive(id);
  return packet;
}

/** The outcome of a packet, which is encoded so many times from the same value. */
function encode(request, input) {
  const result = attempt(() => {
    const packet = request.codec === "socket-packet" ? reviveSocket(input) : revive(input);
    let frames = encoders[request.codec](packet);
    for (let time = 1; time < request.repeat; time++) frames = encoders[request.codec](packet);
    return { frames: frames.map(tellFrame) };
  });
  return [result instanceof Thrown ? tellThrown(result) : result];
}

const outcomesOf = (request, input) => (request.do === "decode" ? decode(request, input) : encode(request, input));

/** The outcomes of each input; that a prototype was changed is one more, of the input that did it. */
function resultsOf(request) {
  const results = request.inputs.map((input) => outcomesOf(request, input));
  if (isPristine()) return results;
  restorePrototype();
  return request.inputs.map((input) => {
    const outcomes = outcomesOf(request, input);
    if (isPristine()) return outcomes;
    restorePrototype();
    return [{ error: "Object.prototype was changed" }, ...outcomes];
  });
}

const pristine = Object.getOwnPropertyNames(Object.prototype).length;
const isPristine = () => Object.getOwnPropertyNames(Object.prototype).length === pristine;

function restorePrototype() {
  for (const name of Object.getOwnPropertyNames(Object.prototype).slice(pristine)) delete Object.prototype[name];
}

function answer(request) {
  const knows = (request.do === "decode" || request.do === "encode") && Object.hasOwn(decoders, request.codec);
  if (!knows) return { id: request.id, unsupported: `${request.do} ${request.codec ?? ""}`.trim() };
  return { id: request.id, results: resultsOf(request) };
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
