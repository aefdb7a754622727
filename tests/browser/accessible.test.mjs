// What axe-core finds: names, roles, headings, contrast; in light and in dark.
import test from "node:test";
import assert from "node:assert/strict";
import axe from "axe-core";
import { address, dataOf, findTrial, hashOf, on, shot } from "./support.mjs";

// Dark differs from light in its colours alone.
const RULES = {
  light: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  dark: { type: "rule", values: ["color-contrast"] },
};

async function violations(page, colorScheme) {
  await page.evaluate(axe.source);
  const result = await page.evaluate((runOnly) => window.axe.run(document, { runOnly }), RULES[colorScheme]);
  return result.violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html, failureSummary }) => `${html.slice(0, 160)} (${failureSummary})`).join(" | ")}`);
}

const data = dataOf("roles.html");

for (const colorScheme of ["light", "dark"]) {
  // The cases of one area stand for all: the others have the same form, and axe-core looks at every cell.
  const area = data.strings[data.cases[0].area];
  test(`the overview has no barrier (${colorScheme})`, () => on(address("roles.html", `#area=${area}`), async (page) => {
    assert.deepEqual(await violations(page, colorScheme), []);
    if (colorScheme === "dark") await shot(page, "dark");
  }, { colorScheme }));

  const trials = [..."flkdycsbp"].map((letter) => [letter, findTrial(data, data.results.findIndex(({ verdicts }) => verdicts.includes(letter)), letter)]);
  test(`a case of each verdict has no barrier (${colorScheme})`, () => on(address("roles.html", hashOf(trials[0][1])), async (page) => {
    for (const [letter, trial] of trials) {
      await page.evaluate((hash) => { location.hash = hash; }, hashOf(trial));
      await page.getByRole("heading", { level: 2, name: trial.title }).waitFor();
      if ("flk".includes(letter)) await page.locator("svg.diagram").first().waitFor();
      await page.locator("#case details").evaluateAll((all) => all.forEach((one) => { one.open = true; }));
      assert.deepEqual(await violations(page, colorScheme), [], letter);
      if (colorScheme === "dark" && letter === "f") await shot(page, "case-dark", { fullPage: true });
    }
  }, { colorScheme }));
}

test("texts in a diagram have contrast as well", async () => {
  for (const colorScheme of ["light", "dark"]) {
    const trial = findTrial(dataOf("ten.html"), 1, "f", (details) => details.b !== undefined);
    await on(address("ten.html", hashOf(trial)), async (page) => {
      await page.locator("svg.diagram").first().waitFor();
      const low = await page.evaluate(() => {
        const channel = (value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
        const light = (colour) => {
          const [r, g, b] = colour.match(/[\d.]+/g).map((value) => channel(value / 255));
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        const paper = getComputedStyle(document.body).backgroundColor;
        const blame = getComputedStyle(document.querySelector(".diagram .blame")).fill;
        const box = document.querySelector(".diagram .blame").getBoundingClientRect();
        return [...document.querySelectorAll(".diagram text, .diagram tspan")].flatMap((text) => {
          const at = text.getBoundingClientRect();
          const inside = at.top >= box.top - 1 && at.bottom <= box.bottom + 1 && at.left >= box.left;
          const found = ratio(light(getComputedStyle(text).fill), light(inside && box.right > at.left ? blame : paper));
          return found < 4.5 ? [`${text.textContent} ${text.getAttribute("class")} ${found.toFixed(2)}`] : [];
        });
      });
      assert.deepEqual(low, []);
    }, { colorScheme });
  }
});
