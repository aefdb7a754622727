// A driver of a library in headless Chromium, see docs/driver.md: each case is a frame of a page, and one that keeps cookies
// has a page and a profile of its own. CHROMIUM names another program than /usr/bin/chromium.
import { serve } from "../javascript/driver.mjs";
import { launch } from "./chromium.mjs";
import { serveFiles } from "./files.mjs";
import { Order } from "./order.mjs";

/**
 * Each of these is a site, and has a process: Chromium lets a handshake of a WebSocket wait, for seconds, while others of
 * the same process are not done.
 */
const SITES = ["a.localhost", "b.localhost", "c.localhost"];

/** Drives a library: `client` is the URL of a file below targets/, whose `Client` extends that of javascript/cases.mjs. */
export async function drive(hello, client) {
  const port = await serveFiles(client);
  const browser = launch(process.env.CHROMIUM || "/usr/bin/chromium");
  const order = new Order();

  /** Opens a page, which keeps so many frames ready. What it is given before it is there waits. */
  function open(host, spare, own = false) {
    const voice = order.voice();
    const address = `http://${host}:${port}/kit/browser/page.html#${spare}`;
    const page = browser.open(address, { own, listen: (text) => voice.say(text) });
    return {
      cases: 0,
      opened: page,
      take: async (text) => (await page).run(`take(${JSON.stringify(text)})`),
      close: async () => {
        await (await page).close();
        voice.end();
      },
    };
  }

  /** A page for cookies is of the site of the servers, whose cookies they are, and of a profile of its own. */
  const jar = () => open("127.0.0.1", 1, true);

  const pages = SITES.map((site) => open(site, 3));
  let spareJar = jar();
  await Promise.all([...pages, spareJar].map(({ opened }) => opened));
  const places = new Map();
  const mine = order.voice();

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
    const { id, do: command, case: name, options = {} } = JSON.parse(text);
    const answer = (keys) => mine.say(JSON.stringify({ id, ...keys }));
    order.ask(id);
    if (command !== "connect" && !places.has(name)) return answer(command === "close" ? {} : { unsupported: command });
    // A page has no say in the headers of a WebSocket handshake.
    const polling = options.transports?.length === 1 && options.transports[0] === "polling";
    if (options.headers && !polling) return answer({ unsupported: "headers of a WebSocket" });
    const page = place(name, options);
    const done = page.take(text);
    if (command !== "close") return done;
    places.delete(name);
    page.cases -= 1;
    await done;
    if (!pages.includes(page)) await page.close();
  }

  await serve(hello, take);
}
