// The page of real implementations: what each of them fails can be opened, read, and traced to its source.
import test from "node:test";
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import axe from "axe-core";
import { address, dataOf, findTrial, hashOf, on, report, shot } from "./support.mjs";

const PAGE = "real.html";
const LANES = { server: (label) => ["siospec (client)", `${label} (server)`], client: (label) => [`${label} (client)`, "siospec (server)"], codec: (label) => ["siospec", label] };

// The first trial of each result that did not pass and has a transcript.
function telling(data) {
  return data.results.flatMap((result, index) => {
    try {
      const trial = findTrial(data, index, "cfhk", (details) => details.f && details.w?.length > 0);
      return [{ ...trial, role: data.strings[result.role] }];
    } catch {
      return [];
    }
  });
}

test("real results have a column each, on a page below three megabytes", () => on(address(PAGE), async (page) => {
  const data = dataOf(PAGE);
  assert.ok(data.results.length >= 3, `${data.results.length} results`);
  const columns = await page.locator(".matrix thead th:not(:first-child)").allTextContents();
  assert.deepEqual(columns.sort(), data.results.map(({ label }) => data.strings[label]).sort());
  assert.ok(statSync(report(PAGE)).size < 3_000_000);
  await shot(page, "real");
}));

test("what a real implementation fails is drawn, with its rule's source and the command that plays it again", () => on(address(PAGE), async (page) => {
  const trials = telling(dataOf(PAGE));
  assert.ok(trials.length >= 3, `${trials.length} results have a failure with a transcript`);
  for (const trial of trials) {
    await page.evaluate((hash) => { location.hash = hash; }, hashOf(trial));
    await page.getByRole("heading", { level: 2, name: trial.title, exact: true }).waitFor();
    const drawn = page.locator("figure").first().locator("svg.diagram");
    await drawn.waitFor();
    const names = await drawn.locator("text.name").allTextContents();
    for (const lane of LANES[trial.role](trial.of)) assert.ok(names.some((name) => lane.startsWith(name.replace("…", ""))), `${lane} of ${names}`);
    assert.equal(names.length, trial.role === "client" ? 3 : 2, `${trial.fullId}: an application stands beside clients alone`);
    const says = (await drawn.locator("text").allTextContents()).join("\n");
    assert.match(says, /expected /, trial.fullId);
    assert.match(says, /came {5}/, trial.fullId);
    const command = await page.locator(".replay code").textContent();
    assert.match(command, /^siospec run /, trial.fullId);
    assert.ok(command.includes(trial.fullId.replaceAll("'", "'\\''")), command);
    assert.ok((await page.locator("#case dl dd").allTextContents()).every((words) => words.trim()), trial.fullId);
    await shot(page, `real-${trial.of}-${trial.role}`.replaceAll(/[^a-z0-9.-]/gi, "-"), { fullPage: true });
  }
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"] }));
  assert.deepEqual(violations.map(({ id }) => id), []);
}));

test("on a phone no case of a real implementation is wider than the screen", () => on(address(PAGE), async (page) => {
  for (const trial of telling(dataOf(PAGE))) {
    await page.evaluate((hash) => { location.hash = hash; }, hashOf(trial));
    await page.getByRole("heading", { level: 2, name: trial.title, exact: true }).waitFor();
    await page.locator("svg.diagram").first().waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390, trial.fullId);
    const names = await page.locator("svg.diagram").first().locator("text.name").evaluateAll((all) => all.map((name) => name.getBoundingClientRect()));
    const overlap = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom - 2 && b.top < a.bottom - 2;
    assert.ok(names.every((a, index) => names.slice(index + 1).every((b) => !overlap(a, b))), `names overlap: ${trial.fullId}`);
    if (trial.role === "client") await shot(page, "real-phone", { fullPage: true });
  }
}, { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }));
