// A result of which every text tries to be more than text, in every form that is opened by something.
import test from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import markdownIt from "markdown-it";
import { address, dataOf, on, read, report, shot } from "./support.mjs";

// What must not be in a page, wherever a text has come from.
async function inert(page, where) {
  const found = await page.evaluate(() => ({
    ran: window.broken,
    title: document.title === "broken",
    elements: [...document.querySelectorAll("#broken, img, iframe, object, embed, base, body script[src]")].map((element) => element.outerHTML),
    handlers: [...document.querySelectorAll("*")].filter((element) => element.getAttributeNames().some((name) => name.startsWith("on"))).map((element) => element.outerHTML.slice(0, 200)),
    links: [...document.querySelectorAll("a[href], use")].map((link) => link.getAttribute("href")).filter((href) => !/^(#|https?:\/\/)/.test(href)),
  }));
  assert.deepEqual(found, { ran: undefined, title: false, elements: [], handlers: [], links: [] }, where);
}

test("the page shows hostile texts and obeys none", () => on(address("hostile.html"), async (page) => {
  await inert(page, "overview");
  assert.ok((await page.locator("body").innerText()).includes("<script>window.broken=1</script>"));
  const data = dataOf("hostile.html");
  await shot(page, "hostile");
  for (const c of data.cases.slice(0, 24)) {
    await page.evaluate((id) => { location.hash = new URLSearchParams({ case: id }); }, data.strings[c.id]);
    await page.locator("#case-title").waitFor();
    assert.equal(await page.locator("#case-title").textContent(), data.strings[c.title]);
    await page.locator("#case details").evaluateAll((all) => all.forEach((one) => { one.open = true; }));
    await inert(page, data.strings[c.id]);
  }
  await shot(page, "hostile-case", { fullPage: true });
  await page.evaluate(() => { location.hash = "q=<img src=x onerror=window.broken=1>&area=\"><script>window.broken=1</script>&case=<svg onload=window.broken=1>"; });
  await page.locator("#found").filter({ hasText: "no case" }).waitFor();
  await inert(page, "a hostile address");
}));

test("even an element that got in could not run or load anything", () => on(address("hostile.html"), async (page, wrong) => {
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.broken = 1";
    document.body.append(script);
    document.body.insertAdjacentHTML("beforeend", "<img src='https://example.test/x' onerror='window.broken=1'>");
  });
  await page.waitForFunction(() => document.querySelector("img").complete);
  assert.equal(await page.evaluate(() => window.broken), undefined);
  assert.ok(wrong.some((message) => message.includes("Content Security Policy")), `${wrong}`);
  wrong.length = 0;
}));

test("JUnit XML is valid and has no element of a target's making", () => {
  for (const name of ["hostile.xml", "roles.xml"]) {
    execFileSync("xmllint", ["--noout", "--schema", new URL("junit.xsd", import.meta.url).pathname, report(name)], { stdio: "pipe" });
  }
  const names = execFileSync("xmllint", ["--xpath", "count(//*[@name='broken'])", report("hostile.xml")], { encoding: "utf8" });
  assert.equal(names.trim(), "0");
  const forged = report("forged.xml");
  writeFileSync(forged, read("hostile.xml").replace("<testcase ", "<testcase sneaked='in' "));
  assert.throws(() => execFileSync("xmllint", ["--noout", "--schema", new URL("junit.xsd", import.meta.url).pathname, forged], { stdio: "pipe" }), "the schema can refuse");
});

test("Markdown renders as text, whatever the renderer lets through", async () => {
  for (const name of ["hostile.md", "hostile-diff.md"]) {
    const rendered = markdownIt({ html: true, linkify: true }).render(read(name));
    writeFileSync(report(`${name}.html`), `<!DOCTYPE html><meta charset="utf-8"><title>x</title>${rendered}`);
    await on(address(`${name}.html`), async (page) => {
      await page.locator("details").evaluateAll((all) => all.forEach((one) => { one.open = true; }));
      await inert(page, name);
      assert.ok((await page.locator("body").innerText()).includes("<script>window.broken=1</script>"));
      const headings = await page.locator("h1, h2").allTextContents();
      assert.ok(headings.every((heading) => !/^broken/.test(heading)), `${headings}`);
      await shot(page, name);
    });
  }
});
