// A driver in Node.js: its lines, and what must not pass from one case to the next. See docs/driver.md.
import { AsyncLocalStorage } from "node:async_hooks";
import { subscribe } from "node:diagnostics_channel";
import { readFileSync } from "node:fs";
import { Cases } from "./cases.mjs";

/** How long the connections of a case may take to end by themselves, in milliseconds. */
const GRACE = 200;

/** The version of a library that is installed next to a file of the driver, which is given by its URL. */
export function version(library, file) {
  return JSON.parse(readFileSync(new URL(`node_modules/${library}/package.json`, file), "utf8")).version;
}

/** Writes a message. */
export const say = (message) => process.stdout.write(JSON.stringify(message) + "\n");

/**
 * Says hello, of which `hello` has the keys `name`, `version`, and `client` or `codecs`; gives each line of the input to
 * `take`, and ends the process when the input ends.
 */
export async function serve(hello, take) {
  say({ hello: 1, language: "JavaScript", ...hello });
  // Not `readline`, which also ends lines at U+2028 and U+2029.
  let rest = "";
  for await (const chunk of process.stdin.setEncoding("utf8")) {
    const lines = chunk.split("\n");
    lines[0] = rest + lines[0];
    rest = lines.pop();
    for (const line of lines) if (line.trim() !== "") take(line);
  }
  process.exit();
}

/** Drives a library: `Client` extends that of cases.mjs. */
export async function drive(hello, Client) {
  const cases = new Cases(Client, say);

  // What the library throws where no application can catch it would end this process, and with it every other case.
  // It is told instead: sockets and timers belong to the case that made them.
  const playing = new AsyncLocalStorage();
  process.on("uncaughtException", (error) => cases.uncaught(error, playing.getStore()));

  // Libraries leave a connection that is just being made to itself when it is closed, so the sockets of a case are cut.
  const sockets = new Map();
  subscribe("net.client.socket", ({ socket }) => {
    const name = playing.getStore();
    if (!sockets.has(name)) sockets.set(name, new Set());
    sockets.get(name).add(socket.once("close", () => sockets.get(name)?.delete(socket)));
  });
  const cut = (name) => {
    for (const socket of sockets.get(name) ?? []) socket.destroy();
    sockets.delete(name);
  };

  await serve(hello, (line) => {
    const request = JSON.parse(line);
    say(playing.run(request.case, () => cases.answer(request)));
    if (request.do === "close") setTimeout(cut, GRACE, request.case).unref();
  });
}
