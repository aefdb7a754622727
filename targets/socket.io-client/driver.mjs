// Drives socket.io-client in Node.js for siospec: JSON Lines, see docs/driver.md.
import { AsyncLocalStorage } from "node:async_hooks";
import { subscribe } from "node:diagnostics_channel";
import { readFileSync } from "node:fs";
import { Manager } from "socket.io-client";
import { CAPABILITIES, commands } from "./client.mjs";

const manifest = new URL("node_modules/socket.io-client/package.json", import.meta.url);
const { version } = JSON.parse(readFileSync(manifest, "utf8"));

/** How long the connections of a case may take to end by themselves, in milliseconds. */
const GRACE = 200;

const say = (value) => process.stdout.write(JSON.stringify(value) + "\n");

const driver = commands({
  Manager,
  say,
  bytes: (base64) => Buffer.from(base64, "base64"),
  options: {
    headers: (extraHeaders) => ({ extraHeaders }),
    cookies: (withCredentials) => ({ withCredentials }),
  },
});

// What the library throws where no application can catch it would end this process, and with it every other case.
// It is told instead: sockets and timers belong to the case that made them.
const playing = new AsyncLocalStorage();
process.on("uncaughtException", (error) => driver.uncaught(error, playing.getStore()));

// The library leaves a connection that is just being made to itself when it is closed, so the sockets of a case are cut.
const sockets = new Map();
subscribe("net.client.socket", ({ socket }) => {
  const name = playing.getStore();
  if (!sockets.has(name)) sockets.set(name, new Set());
  sockets.get(name).add(socket.once("close", () => sockets.get(name)?.delete(socket)));
});

function cut(name) {
  for (const socket of sockets.get(name) ?? []) socket.destroy();
  sockets.delete(name);
}

say({
  hello: 1,
  name: "socket.io-client",
  version,
  language: "JavaScript",
  client: [...CAPABILITIES, "headers", "cookies"],
});
// Not `readline`, which also ends lines at U+2028 and U+2029.
let rest = "";
for await (const chunk of process.stdin.setEncoding("utf8")) {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop();
  for (const line of lines) {
    if (line.trim() === "") continue;
    const request = JSON.parse(line);
    say(playing.run(request.case, () => driver.answer(request)));
    if (request.do === "close") setTimeout(cut, GRACE, request.case).unref();
  }
}
process.exit();
