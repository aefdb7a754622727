// Drives the browser bundle of socket.io-client in headless Chromium for siospec: JSON Lines, see docs/driver.md.
// Each case is a frame of a page, and one that keeps cookies has a page and a profile of its own. CHROMIUM names another
// program than /usr/bin/chromium.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { CAPABILITIES } from "../socket.io-client/client.mjs";
import { launch } from "./chromium.mjs";

/**
 * Each of these is a site, and has a process: Chromium lets a handshake of a WebSocket wait, for seconds, while others of
 * the same process are not done.
 */
const SITES = ["a.localhost", "b.localhost", "c.localhost"];

const here = (path) => readFileSync(new URL(path, import.meta.url), "utf8");
const { version } = JSON.parse(here("node_modules/socket.io-client/package.json"));

const files = {
  "/": ["text/html", here("page.html")],
  "/case": ["text/html", here("case.html")],
  "/socket.io.js": ["text/javascript", here("node_modules/socket.io-client/dist/socket.io.js")],
  "/client.mjs": ["text/javascript", here("../socket.io-client/client.mjs")],
};
const server = createServer((request, response) => {
  const [type, text] = files[request.url] ?? ["text/plain", "there is no such file"];
  const headers = { "Content-Type": type, "Cache-Control": "max-age=3600" };
  response.writeHead(files[request.url] ? 200 : 404, headers).end(text);
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const address = (host, spare) => `http://${host}:${server.address().port}/#${spare}`;

/** The ids of the requests that are not answered yet, in their order. */
const asked = [];
/** What the pages have told and nobody has heard yet, in the order of each page. */
const told = new Set();

/** Says what is due: answers in the order of their requests, and no report before the answer that it came after. */
function say() {
  for (let more = true; more; ) {
    more = false;
    for (const voice of told) {
      const { messages } = voice;
      while (messages.length > 0 && [undefined, asked[0]].includes(messages[0].id)) {
        const { id, text } = messages.shift();
        process.stdout.write(text + "\n");
        if (id !== undefined) asked.shift();
        more = true;
      }
      if (voice.ended && messages.length === 0) told.delete(voice);
    }
  }
}

const browser = launch(process.env.CHROMIUM || "/usr/bin/chromium");

/** Opens a page. What it is given before it is there waits. */
function open(host, spare, own = false) {
  const voice = { messages: [] };
  told.add(voice);
  const listen = (text) => {
    voice.messages.push({ id: JSON.parse(text).id, text });
    say();
  };
  const page = browser.open(address(host, spare), { own, listen });
  return {
    cases: 0,
    opened: page,
    take: async (text) => (await page).run(`take(${JSON.stringify(text)})`),
    close: async () => {
      await (await page).close();
      voice.ended = true;
      say();
    },
  };
}

/** A page for cookies is of the site of the servers, whose cookies they are, and of a profile of its own. */
const jar = () => open("127.0.0.1", 1, true);

const pages = SITES.map((site) => open(site, 3));
let spareJar = jar();
await Promise.all([...pages, spareJar].map(({ opened }) => opened));
const places = new Map();
const mine = { messages: [] };
told.add(mine);

function answer(message) {
  mine.messages.push({ id: message.id, text: JSON.stringify(message) });
  say();
}

/** The page of a case. */
function place(name, options) {
  if (!places.has(name)) {
    let page = pages.reduce((least, page) => (page.cases < least.cases ? page : least));
    if (options.cookies) [page, spareJar] = [spareJar, jar()];
    places.set(name, page);
    page.cases += 1;
  }
  return places.get(name);
}

async function take(text) {
  const { id, do: what, case: name, options = {} } = JSON.parse(text);
  asked.push(id);
  if (what !== "connect" && !places.has(name)) {
    answer(what === "close" ? { id } : { id, unsupported: what });
    return;
  }
  // A page has no say in the headers of a WebSocket handshake.
  const polling = options.transports?.length === 1 && options.transports[0] === "polling";
  if (options.headers && !polling) {
    answer({ id, unsupported: "headers of a WebSocket" });
    return;
  }
  const page = place(name, options);
  const done = page.take(text);
  if (what !== "close") return done;
  places.delete(name);
  page.cases -= 1;
  await done;
  if (!pages.includes(page)) await page.close();
}

console.log(JSON.stringify({
  hello: 1,
  name: "socket.io-client in Chromium",
  version,
  language: "JavaScript",
  client: [...CAPABILITIES, "headers", "cookies"],
}));
// Not `readline`, which also ends lines at U+2028 and U+2029.
let rest = "";
for await (const chunk of process.stdin.setEncoding("utf8")) {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop();
  for (const line of lines) if (line.trim() !== "") take(line);
}
process.exit();
