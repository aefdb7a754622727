// The matrix, the list of cases and its filters: by mouse, by keyboard, and by address.
import test from "node:test";
import assert from "node:assert/strict";
import { address, dataOf, on, shot } from "./support.mjs";

const rows = (page) => page.locator("#list tbody tr");
const hash = (page) => page.evaluate(() => Object.fromEntries(new URLSearchParams(location.hash.slice(1))));

test("the matrix has a column for each target and a row for each area", () => on(address("ten.html"), async (page) => {
  const data = dataOf("ten.html");
  const areas = new Set(data.cases.map((c) => c.area)).size;
  assert.equal(await page.locator(".matrix thead th").count(), 11);
  assert.equal(await page.locator(".matrix tbody tr").count(), areas);
  assert.equal(await page.locator(".matrix tbody td").count(), areas * 10);
  await shot(page, "matrix");
}));

test("each verdict has a sign of its own, so that colour is not needed", () => on(address("ten.html"), async (page) => {
  const shapes = await page.locator("#filters .chip .count").evaluateAll((chips) => chips.map((chip) => {
    const symbol = document.querySelector(chip.querySelector("use").getAttribute("href"));
    return { word: chip.textContent.split(" ")[0], shape: symbol.innerHTML, box: chip.querySelector("svg").getBoundingClientRect().width };
  }));
  assert.ok(shapes.length >= 8, "the samples have most verdicts");
  assert.equal(new Set(shapes.map(({ shape }) => shape)).size, shapes.length);
  assert.ok(shapes.every(({ box }) => box >= 10), "signs are large enough to see");
}));

test("without a script the matrix is there, and says what is not", () => on(address("ten.html"), async (page) => {
  assert.equal(await page.locator(".matrix thead th").count(), 11);
  assert.match(await page.locator("noscript p").innerText(), /drawn by one/);
  assert.equal(await page.locator("#cases").isVisible(), false);
}, { javaScriptEnabled: false }));

test("a verdict filter leaves the cases that have it, and stands in the address", () => on(address("ten.html"), async (page) => {
  const all = await rows(page).count();
  await page.getByLabel(/^crashed/).check();
  assert.deepEqual(await hash(page), { verdict: "crashed" });
  const some = await rows(page).count();
  assert.ok(some > 0 && some < all, `${some} of ${all}`);
  assert.equal(await rows(page).filter({ has: page.locator("td.v-crashed") }).count(), some);
  assert.match(await page.locator("#found").textContent(), new RegExp(`^${some} of ${all} cases$`));
  await page.getByLabel(/^hung/).check();
  assert.equal((await hash(page)).verdict, "crashed,hung");
  assert.ok((await rows(page).count()) > some);
  await shot(page, "filtered");
  await page.reload();
  assert.equal(await page.getByLabel(/^crashed/).isChecked(), true);
  await page.getByRole("button", { name: "Clear all" }).click();
  assert.equal(await rows(page).count(), all);
}));

test("an address with a filter opens at the cases that it leaves", () => on(address("ten.html", "#verdict=crashed"), async (page) => {
  const { y } = await page.locator("#cases-h").boundingBox();
  assert.ok(y >= 0 && y < 900, `the heading is at ${y}`);
}));

test("search, area, level and target narrow the list together", () => on(address("ten.html"), async (page) => {
  await page.keyboard.press("/");
  await page.keyboard.insertText("ack namespace");
  assert.equal((await hash(page)).q, "ack namespace");
  const found = await rows(page).count();
  assert.ok(found > 0 && found < 60, `${found} found`);
  await page.getByRole("searchbox").fill("");
  await page.locator("select[name=area]").selectOption({ index: 2 });
  const area = await page.locator("select[name=area]").inputValue();
  const inArea = await rows(page).count();
  await page.locator("select[name=target]").selectOption("socketioxide");
  assert.equal(await page.locator("#list thead th").count(), 2);
  assert.deepEqual(await hash(page), { area, target: "socketioxide" });
  assert.ok((await rows(page).count()) <= inArea);
  const level = await page.locator("#list .level").first().textContent();
  await page.locator(`[name=level][value=${level}]`).check();
  assert.deepEqual([...new Set(await page.locator("#list .level").allTextContents())], [level]);
  await page.getByRole("searchbox").fill("nothing is called like this");
  assert.equal(await page.locator("#found").textContent(), "No case fits these filters.");
}));

test("the keyboard alone sets a filter", () => on(address("ten.html"), async (page) => {
  await page.keyboard.press("/");
  for (let steps = 0; steps < 30; steps += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(() => document.activeElement.value === "fail")) break;
  }
  await page.keyboard.press("Space");
  assert.deepEqual(await hash(page), { verdict: "fail" });
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.equal(outline, "solid", "the focus is seen");
}));

test("a cell of the matrix leads to its cases", () => on(address("ten.html"), async (page) => {
  const cell = page.locator(".matrix tbody tr").nth(1).locator("td a").nth(2);
  const label = await cell.getAttribute("aria-label");
  assert.match(label, /^\d+\/\d+ \S+, \S+: \d+ /);
  await cell.click();
  const [target, area] = label.slice(label.indexOf(" ") + 1).split(/[,:] /);
  await page.waitForFunction(() => document.activeElement.id === "cases-h");
  assert.equal(await page.locator("select[name=area]").inputValue(), area);
  assert.equal(await page.locator("select[name=target]").inputValue(), target);
  await page.goBack();
  assert.equal(await page.locator("select[name=area]").inputValue(), "");
}));

test("roles are filtered, and have a table each", () => on(address("roles.html"), async (page) => {
  assert.equal(await page.locator("#list table").count(), 2);
  await page.getByLabel("client", { exact: true }).check();
  assert.equal(await page.locator("#list table").count(), 1);
  assert.deepEqual(await page.locator("#list thead th").allTextContents(), ["Case", "socket.io-client"]);
}));

test("on a phone nothing is wider than the screen", () => on(address("ten.html"), async (page) => {
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
  await shot(page, "phone", { clip: { x: 0, y: 0, width: 390, height: 1600 }, fullPage: true });
}, { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }));

test("on paper ten columns fit beside each other", () => on(address("ten.html"), async (page) => {
  await page.emulateMedia({ media: "print" });
  const wide = await page.locator("table").evaluateAll((all) => all.map((table) => table.getBoundingClientRect().right).filter((right) => right > 720));
  assert.deepEqual(wide, []);
  await shot(page, "paper");
}, { viewport: { width: 720, height: 1000 } }));

test("a case that is not there is told", () => on(address("ten.html", "#case=server/no/such"), async (page) => {
  assert.match(await page.locator("#found").textContent(), /no case server\/no\/such/);
}));
