// Drives the browser bundle of socket.io-client in headless Chromium for siospec: JSON Lines, see docs/driver.md.
// Each case is a page of its own, and one that keeps cookies has a profile of its own. CHROMIUM names another program
// than /usr/bin/chromium.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { chromium } from "playwright-core";
import { CAPABILITIES } from "../socket.io-client/client.mjs";

/** How long a page may take for its answer, in milliseconds. */
const PATIENCE = 10_000;
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
  "--disable-sync", "--disable-background-timer-throttling", "--disable-backgrounding-occluded-windows",
  "--disable-renderer-backgrounding",
  // A process for each page would need more memory than a driver may have.
  "--process-per-site",
  // The page and the server of a case have different origins, and no server of a case speaks of CORS.
  "--disable-web-security",
];

const here = (path) => readFileSync(new URL(path, import.meta.url), "utf8");
const { version } = JSON.parse(here("node_modules/socket.io-client/package.json"));
const say = (text) => process.stdout.write(text + "\n");

const files = {
  "/": ["text/html", here("page.html")],
  "/socket.io.js": ["text/javascript", here("node_modules/socket.io-client/dist/socket.io.js")],
  "/client.mjs": ["text/javascript", here("../socket.io-client/client.mjs")],
};
const server = createServer((request, response) => {
  const [type, text] = files[request.url] ?? ["text/plain", "there is no such file"];
  response.writeHead(files[request.url] ? 200 : 404, { "Content-Type": type }).end(text);
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const address = `http://127.0.0.1:${server.address().port}/`;
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: FLAGS });

const shared = await browser.newContext();

/** Opens a page in a profile. What it says once it is closed is nothing. */
async function open(context) {
  const page = await context.newPage();
  const opened = { page, closed: false };
  await page.exposeFunction("say", (text) => opened.closed || say(text));
  page.on("pageerror", (error) => console.error(error));
  await page.goto(address);
  await page.waitForFunction(() => "answer" in globalThis);
  return opened;
}

const late = () => new Promise((_, reject) => setTimeout(reject, PATIENCE, new Error("the page does not answer")).unref());
const own = (page) => page.context() !== shared;
const end = ({ page }) => (own(page) ? page.context() : page).close().catch((error) => console.error(error));

const cases = new Map();
const spared = () => {
  const opening = open(shared);
  // Who needs it hears why there is none.
  opening.catch(() => {});
  return opening;
};
let spare = spared();

async function answer(request) {
  const { id, do: what, case: name, options = {} } = request;
  if (!["connect", "emit", "ack", "disconnect", "close"].includes(what)) return { id, unsupported: what };
  // A page has no say in the headers of a WebSocket handshake.
  const polling = options.transports?.length === 1 && options.transports[0] === "polling";
  if (options.headers && !polling) return { id, unsupported: "headers of a WebSocket" };
  if (what === "close") {
    const opened = cases.get(name);
    cases.delete(name);
    if (opened) {
      opened.closed = true;
      end(opened);
    }
    return { id };
  }
  if (!cases.has(name)) {
    if (options.cookies) {
      cases.set(name, await open(await browser.newContext()));
    } else {
      cases.set(name, await spare);
      spare = spared();
    }
  }
  const { page } = cases.get(name);
  const asked = page.evaluate((text) => answer(text), JSON.stringify(request));
  return JSON.parse(await Promise.race([asked, late()]));
}

async function answerAnyhow(request) {
  try {
    return await answer(request);
  } catch (error) {
    return { id: request.id, error: String(error?.message ?? error) };
  }
}

say(JSON.stringify({
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
  for (const line of lines) if (line.trim() !== "") say(JSON.stringify(await answerAnyhow(JSON.parse(line))));
}
await browser.close();
process.exit();
