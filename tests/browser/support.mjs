// One browser for all tests, ended by its process id whatever happens; pages that may speak to nobody.
import { after } from "node:test";
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const folder = process.env.SIOSPEC_REPORTS;
if (!folder) throw new Error("SIOSPEC_REPORTS names no folder of reports: start the tests with ./run");

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const EXECUTABLE = process.env.CHROMIUM || "/usr/bin/chromium";
export const report = (name) => join(folder, name);
export const read = (name) => readFileSync(report(name), "utf8");
export const address = (name, hash = "") => `${pathToFileURL(report(name))}${hash}`;

const server = await chromium.launchServer({ executablePath: EXECUTABLE, args: FLAGS });
const browser = await chromium.connect(server.wsEndpoint());
after(async () => {
  await browser.close();
  await server.close();
  if (server.process().exitCode === null && server.process().signalCode === null) await server.kill();
});

// Opens a page; whatever it asks the network for, says to the console as an error, or throws, fails the test at `close`.
export async function open(url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const wrong = [];
  page.on("request", (request) => request.url().split("#")[0] === url.split("#")[0] || wrong.push(`asks for ${request.url()}`));
  page.on("console", (message) => message.type() === "error" && wrong.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => {
    wrong.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  await page.goto(url);
  return {
    page,
    wrong,
    close: async () => {
      await context.close();
      assert.deepEqual(wrong, []);
    },
  };
}

// Opens a page, hands it to `test`, and closes it.
export async function on(url, test, options) {
  const opened = await open(url, options);
  try {
    await test(opened.page, opened.wrong);
  } finally {
    await opened.close();
  }
}

export async function shot(page, name, options = {}) {
  mkdirSync(report("shots"), { recursive: true });
  await page.screenshot({ path: report(join("shots", `${name}.png`)), ...options });
}

// What a page was made from, so that tests find the cases that they need; read from its file, which is faster than to ask for it.
const data = new Map();
export function dataOf(name) {
  if (!data.has(name)) data.set(name, JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/s.exec(read(name))[1]));
  return data.get(name);
}

// The first trial of the result with this index that has one of these letters and fits.
export function findTrial(data, result, wanted, fits = () => true) {
  const text = (place) => data.strings[place];
  const { verdicts, details, label } = data.results[result];
  for (const c of data.cases) {
    for (let index = c.first; index < c.first + c.count; index += 1) {
      const trial = data.trials[index];
      if (wanted.includes(verdicts[index]) && fits(details[index], trial)) {
        const key = [trial.values, trial.over, trial.variant].map(text).join("|");
        return { id: text(c.id), fullId: text(c.id) + text(trial.values), title: text(c.title), key, of: text(label), details: details[index], text };
      }
    }
  }
  throw new Error(`no trial with ${wanted} fits`);
}

export const hashOf = ({ id, key, of }) => `#${new URLSearchParams({ case: id, trial: key, of })}`;
