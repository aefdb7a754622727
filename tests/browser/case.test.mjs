// A case: opened by mouse, keyboard and link; its diagram, its script, the way to play it again.
import test from "node:test";
import assert from "node:assert/strict";
import { address, dataOf, findTrial, hashOf, on, shot } from "./support.mjs";

const found = (name, result, letters, fits) => findTrial(dataOf(name), result, letters, fits);
const came = (details) => details.b !== undefined && details.w.length > 4;
const missing = (details) => details.f && details.b === undefined && details.w?.length > 4;
const replayOf = (trial) => trial.text(trial.details.r).replace("\u0001", trial.fullId.replaceAll("'", "'\\''"));
const figures = (page) => page.locator("figure");

test("a case opens from the list, and its address opens it again", () => on(address("ten.html"), async (page) => {
  await page.getByLabel(/^fail/).check();
  const link = page.locator("#list tbody th a").first();
  const title = await link.textContent();
  await link.click();
  const heading = page.getByRole("heading", { level: 2, name: title });
  await heading.waitFor();
  assert.equal(await heading.evaluate((element) => element === document.activeElement), true);
  assert.equal(await page.locator("#overview").isVisible(), false);
  const url = page.url();
  await on(url, async (again) => assert.equal(await again.getByRole("heading", { level: 2 }).textContent(), title));
  await page.keyboard.press("Escape");
  await page.locator("#overview").waitFor();
  assert.equal(await page.getByLabel(/^fail/).isChecked(), true, "the filters are as before");
}));

test("the keyboard alone opens a case and one of its trials", () => on(address("ten.html", "#verdict=crashed"), async (page) => {
  await page.locator("#list tbody th a").first().focus();
  await page.keyboard.press("Enter");
  await page.locator(".trials").waitFor();
  for (let steps = 0; steps < 40; steps += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(() => document.activeElement.matches(".trials a:not([aria-current])"))) break;
  }
  const chosen = await page.evaluate(() => document.activeElement.getAttribute("href"));
  await page.keyboard.press("Enter");
  await page.waitForFunction((href) => document.querySelector("[aria-current]")?.getAttribute("href") === href, chosen);
  assert.equal(await page.evaluate(() => document.activeElement.id), "trial-title");
}));

test("what did not fit is marked in the diagram and in the script", async () => {
  const trial = found("ten.html", 1, "f", came);
  await on(address("ten.html", hashOf(trial)), async (page) => {
    const drawn = figures(page).first().locator("svg.diagram");
    await drawn.waitFor();
    const says = (await drawn.locator("text").allTextContents()).join("\n");
    assert.equal(await drawn.locator(".blame").count(), 1);
    assert.match(says, /expected `/);
    assert.match(says, /came +`44/);
    assert.match(says, /\d+\.\d ms/);
    assert.match(says, /siospec \(client\)/);
    assert.match(says, new RegExp(`${trial.of} \\(server\\)`));
    const rows = trial.details.w.map(([, , , place]) => trial.text(place).split("\n")[0]);
    const shown = says.replace(/\s+/g, "");
    for (const row of rows) assert.ok(shown.includes(row.slice(0, 20).replace(/\s+/g, "")), `${row} is drawn`);
    const blamed = page.locator(".script .blamed code");
    assert.equal(await blamed.textContent(), trial.text(trial.details.f[1]));
    assert.equal(await page.locator(".replay code").textContent(), replayOf(trial));
    assert.ok(await page.getByText(trial.text(trial.details.f[3])).first().isVisible());
    await shot(page, "case", { fullPage: true });
  });
});

test("what never came is drawn as a broken arrow at the time when it was given up", async () => {
  const trial = found("ten.html", 2, "f", missing);
  await on(address("ten.html", hashOf(trial)), async (page) => {
    const drawn = figures(page).first().locator("svg.diagram");
    await drawn.waitFor();
    assert.equal(await drawn.locator("path.arrow.missing").count(), 1);
    assert.match((await drawn.locator("text").allTextContents()).join("\n"), /nothing within 500 ms/);
    await shot(page, "missing", { fullPage: true });
  });
});

test("the reference is drawn beside what happened, and below it on a phone", async () => {
  const trial = found("ten.html", 1, "f", came);
  const boxes = async (page) => {
    await figures(page).nth(1).locator("svg.diagram").waitFor();
    return Promise.all([0, 1].map((index) => figures(page).nth(index).boundingBox()));
  };
  await on(address("ten.html", hashOf(trial)), async (page) => {
    const [left, right] = await boxes(page);
    assert.equal(left.y, right.y);
    assert.ok(right.x >= left.x + left.width);
    assert.deepEqual(await page.locator("figcaption").allTextContents(), ["What happened", "The reference"]);
  });
  await on(address("ten.html", hashOf(trial)), async (page) => {
    const [upper, lower] = await boxes(page);
    assert.ok(lower.y >= upper.y + upper.height);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
    const svg = await figures(page).first().locator("svg.diagram").boundingBox();
    assert.ok(svg.width <= 390 && svg.width > 250, `${svg.width}`);
    await shot(page, "case-phone", { fullPage: true });
  }, { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
});

test("every text of a diagram stays inside it", async () => {
  for (const letters of ["f", "l", "k", "c"]) {
    const trial = found("ten.html", 3, letters, (details) => details.w?.length > 3);
    await on(address("ten.html", hashOf(trial)), async (page) => {
      await figures(page).first().locator("svg.diagram").waitFor();
      const outside = await page.locator("svg.diagram").evaluateAll((drawn) => drawn.flatMap((svg) => {
        const box = svg.getBoundingClientRect();
        return [...svg.querySelectorAll("text")].filter((text) => {
          const own = text.getBoundingClientRect();
          return own.left < box.left - 1 || own.right > box.right + 1 || own.bottom > box.bottom + 1;
        }).map((text) => text.textContent);
      }));
      assert.deepEqual(outside, []);
    }, { viewport: { width: 420, height: 800 } });
  }
});

test("a rule leads to its source", async () => {
  const trial = found("ten.html", 0, "f");
  await on(address("ten.html", hashOf(trial)), async (page) => {
    const source = page.locator("#case dd a").first();
    assert.match(await source.getAttribute("href"), /^https:\/\//);
    assert.equal(await source.getAttribute("rel"), "noopener noreferrer nofollow");
  });
});

test("what a client does is drawn from the client to the runner", async () => {
  const trial = found("roles.html", 3, "f", came);
  await on(address("roles.html", hashOf(trial)), async (page) => {
    const drawn = figures(page).first().locator("svg.diagram");
    await drawn.waitFor();
    const says = (await drawn.locator("text").allTextContents()).join("\n");
    assert.match(says, /socket\.io-client \(client\)/);
    assert.match(says, /siospec \(server\)/);
    await shot(page, "client", { fullPage: true });
  });
});

test("a deviation is shown as a difference, and a pass says that it is one", async () => {
  const deviation = found("ten.html", 1, "d");
  await on(address("ten.html", hashOf(deviation)), async (page) => {
    assert.ok(await page.locator(".difference .added").first().isVisible());
    assert.ok(await page.locator(".difference .removed").first().isVisible());
  });
  const pass = found("ten.html", 1, "p");
  await on(address("ten.html", hashOf(pass)), async (page) => {
    assert.ok(await page.getByText("The rule holds, and nothing").isVisible());
    assert.deepEqual(await page.locator("figcaption").allTextContents(), ["The reference"]);
  });
});

test("the command is copied", async () => {
  const trial = found("ten.html", 1, "f", came);
  await on(address("ten.html", hashOf(trial)), async (page) => {
    await page.getByRole("button", { name: "Copy" }).click();
    await page.getByRole("button", { name: "Copied" }).waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), replayOf(trial));
  }, { permissions: ["clipboard-read", "clipboard-write"] });
});

test("a case prints without what a sheet of paper cannot do", async () => {
  const trial = found("ten.html", 1, "f", came);
  await on(address("ten.html", hashOf(trial)), async (page) => {
    await figures(page).first().locator("svg.diagram").waitFor();
    await page.emulateMedia({ media: "print", colorScheme: "dark" });
    assert.equal(await page.locator(".steps").isVisible(), false);
    assert.equal(await page.locator(".replay button").isVisible(), false);
    assert.ok(await page.locator("svg.diagram").first().isVisible());
    const [ink, paper] = await page.evaluate(() => [getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]);
    assert.deepEqual([ink, paper], ["rgb(27, 31, 36)", "rgb(255, 255, 255)"], "dark mode is not printed");
    await shot(page, "print", { fullPage: true });
    assert.ok((await page.pdf({ format: "A4" })).length > 10_000);
  });
});
