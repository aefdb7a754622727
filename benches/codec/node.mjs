// The loops of the comparison in Node: the inputs on standard input, the best times on standard output, both JSON.
// The first argument is the folder that has socket.io-parser and engine.io-parser in its node_modules.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const require = createRequire(join(process.argv[2], "package.json"));
const socket = require("socket.io-parser");
const engine = require("engine.io-parser");

const ROUND = 4;
const ROUNDS = 60;
const inputs = JSON.parse(readFileSync(0, "utf8"));
let sink;

const best = (act) => {
  let goes = 1;
  const round = () => {
    const start = process.hrtime.bigint();
    for (let go = 0; go < goes; go++) act();
    return Number(process.hrtime.bigint() - start);
  };
  while (round() < ROUND * 1e6) goes *= 2;
  let time = Infinity;
  for (let count = 0; count < ROUNDS; count++) time = Math.min(time, round() / goes);
  return time;
};

const decoding = ({ text, attachments }) => {
  const frames = attachments.map((encoded) => Buffer.from(encoded, "base64"));
  const decoder = new socket.Decoder();
  decoder.on("decoded", (packet) => (sink = packet.data));
  return () => {
    decoder.add(text);
    for (const frame of frames) decoder.add(frame);
  };
};

const encoding = ({ text, attachments }) => {
  const decoder = new socket.Decoder();
  let data;
  decoder.on("decoded", (packet) => (data = packet.data));
  decoder.add(text);
  for (const encoded of attachments) decoder.add(Buffer.from(encoded, "base64"));
  const encoder = new socket.Encoder();
  const type = socket.PacketType.EVENT;
  return () => (sink = encoder.encode({ type, nsp: "/", data }));
};

const tasks = { decodePayload: () => () => (sink = engine.decodePayload(inputs.payload)) };
tasks.encodePayload = () => {
  const packets = engine.decodePayload(inputs.payload);
  return () => engine.encodePayload(packets, (body) => (sink = body));
};

const times = {};
for (const name of inputs.tasks) {
  const [input, what] = name.split(", ");
  const encode = what === "encode";
  const event = inputs.events[input];
  const act = event
    ? (encode ? encoding : decoding)(event)
    : (encode ? tasks.encodePayload : tasks.decodePayload)();
  times[name] = best(act);
}
if (sink === undefined) throw new Error("nothing was measured");
console.log(JSON.stringify({ version: process.version, times }));
