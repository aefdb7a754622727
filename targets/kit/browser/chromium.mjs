// A headless Chromium with nothing in between: it is told what to do over a pipe, in the words of the DevTools protocol.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const FLAGS = [
  "--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--no-first-run", "--no-default-browser-check",
  "--no-proxy-server", "--disable-background-networking", "--disable-component-update", "--disable-default-apps",
  "--disable-extensions", "--disable-sync", "--disable-breakpad", "--disable-dev-shm-usage", "--password-store=basic",
  "--log-level=3",
  // Few processes: the memory of each counts. The last two are pages behind the address bar, one for each profile.
  "--no-startup-window", "--no-zygote", "--in-process-gpu", "--enable-features=NetworkServiceInProcess2",
  "--disable-features=SpareRendererForSitePerProcess,WebUIOmniboxPopup,WebUIOmniboxAimPopup",
  // Nobody looks at the pages, and their timers count all the same.
  "--disable-background-timer-throttling", "--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding",
  // The page and the server of a case have different origins, and no server of a case speaks of CORS.
  "--disable-web-security",
];

/** Starts `program`, which lives as long as this process. */
export function launch(program) {
  const profile = mkdtempSync(join(tmpdir(), "siospec-chromium-"));
  const flags = [...FLAGS, `--user-data-dir=${profile}`];
  const browser = spawn(program, flags, { stdio: ["ignore", "ignore", "inherit", "pipe", "pipe"] });
  const fail = (why) => {
    console.error(`${program} ${why}`);
    process.exit(1);
  };
  process.once("SIGTERM", () => process.exit());
  process.once("exit", () => {
    browser.kill("SIGKILL");
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  });
  browser.once("error", (error) => fail(`cannot be started: ${error.message}`));
  browser.once("exit", (code, signal) => fail(`ended: ${signal ?? code}`));
  const [, , , commands, messages] = browser.stdio;

  let last = 0;
  const asked = new Map();
  const listeners = new Map();
  const take = ({ id, result, error, method, params, sessionId }) => {
    if (id === undefined) return listeners.get(sessionId)?.(method, params);
    const { resolve, reject } = asked.get(id);
    asked.delete(id);
    if (error) reject(new Error(error.message));
    else resolve(result);
  };
  let rest = "";
  messages.setEncoding("utf8").on("data", (chunk) => {
    const texts = (rest + chunk).split("\0");
    rest = texts.pop();
    for (const text of texts) take(JSON.parse(text));
  });

  /** Asks for something, of a page where its session is given. */
  function ask(method, params = {}, sessionId) {
    const id = ++last;
    commands.write(JSON.stringify({ id, method, params, sessionId }) + "\0");
    return new Promise((resolve, reject) => asked.set(id, { resolve, reject }));
  }

  return {
    /** Opens a page, in a profile of its own if that is asked for. What it gives to its function `tell` goes to `listen`. */
    async open(url, { own = false, listen }) {
      const { browserContextId } = own ? await ask("Target.createBrowserContext", { disposeOnDetach: true }) : {};
      const { targetId } = await ask("Target.createTarget", { url: "about:blank", browserContextId });
      const { sessionId } = await ask("Target.attachToTarget", { targetId, flatten: true });
      const loaded = new Promise((resolve) => {
        listeners.set(sessionId, (method, params) => {
          if (method === "Runtime.bindingCalled") listen(params.payload);
          else if (method === "Page.loadEventFired") resolve();
          else if (method === "Inspector.targetCrashed") fail("lost a page: it crashed");
        });
      });
      for (const domain of ["Inspector", "Page", "Runtime"]) await ask(`${domain}.enable`, {}, sessionId);
      await ask("Runtime.addBinding", { name: "tell" }, sessionId);
      await ask("Page.navigate", { url }, sessionId);
      await loaded;
      return {
        run: async (expression) => {
          const { exceptionDetails } = await ask("Runtime.evaluate", { expression, awaitPromise: true }, sessionId);
          if (exceptionDetails) fail(`threw: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
        },
        close: () => {
          listeners.delete(sessionId);
          return own ? ask("Target.disposeBrowserContext", { browserContextId }) : ask("Target.closeTarget", { targetId });
        },
      };
    },
  };
}
