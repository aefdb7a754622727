// The embedded data, and the only ways in which this page makes elements: text is set as text, links lead to the web or into the page.
const DATA = JSON.parse(document.getElementById("data").textContent);
const text = (place) => (place === undefined ? "" : DATA.strings[place]);

const WORDS = {
  c: "crashed", h: "hung", f: "fail", x: "broken", y: "flaky", b: "blocked", k: "known", l: "lenient", d: "deviation", p: "pass", s: "skip",
};
// The letters, the worst news first.
const WORST = Object.keys(WORDS);
const LEVELS = ["must", "security", "should", "reference", "may", "informational"];
const SVG = "http://www.w3.org/2000/svg";

function isLink(href) {
  if (href.startsWith("#")) return true;
  try {
    return ["http:", "https:"].includes(new URL(href).protocol);
  } catch {
    return false;
  }
}

function put(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === false || value === undefined || value === null) continue;
    if (name === "href" && !isLink(value)) continue;
    element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}
const el = (name, attributes, ...children) => put(document.createElement(name), attributes, children);
const svg = (name, attributes, ...children) => put(document.createElementNS(SVG, name), attributes, children);
const hidden = (words) => el("span", { class: "hidden" }, words);
const sign = (word) => svg("svg", { class: "sign", "aria-hidden": "true" }, svg("use", { href: `#v-${word}` }));
const badge = (word, says) => el("span", { class: `count v-${word}` }, sign(word), says || word);

// Text in which the addresses of the web are links.
function linked(words) {
  return words.split(/(https?:\/\/[^\s<>"'`]*[^\s<>"'`.,;:!?)\]}])/).map((part, index) =>
    index % 2 && isLink(part) ? el("a", { href: part, rel: "noopener noreferrer nofollow" }, part) : part);
}

// A text that leads to an address, where that is one of the web.
const linkedTo = (words, href) => (isLink(href) && !href.startsWith("#")
  ? el("a", { href, rel: "noopener noreferrer nofollow" }, words) : linked(words));

// What there is to say of a trial that did not simply pass: the short keys of the data as words.
function detailsOf(result, place) {
  const raw = result.details[place];
  if (!raw) return { rows: [] };
  const details = {
    message: text(raw.m), ms: raw.t, known: raw.k && raw.k.map(text), deviation: text(raw.d),
    script: text(raw.s), rows: raw.w || [], blamed: raw.b,
    replay: text(raw.r).replace("\u0001", () => TRIALS[place].quoted),
  };
  if (raw.f) {
    const [line, scriptLine, expected, came, at, hint, allowed] = raw.f;
    details.failure = {
      line, at, scriptLine: text(scriptLine), expected: text(expected), came: text(came), hint: text(hint), allowed: allowed.map(text),
    };
  }
  return details;
}

const RESULTS = DATA.results.map((result, index) => ({
  index,
  label: text(result.label),
  role: text(result.role),
  interrupted: result.interrupted,
  letter: (trial) => result.verdicts[trial],
  details: (trial) => detailsOf(result, trial),
}));

const TRIALS = DATA.trials.map((trial, index) => {
  const [values, over, variant] = [text(trial.values), text(trial.over), text(trial.variant)];
  return {
    index, values, over, variant,
    key: [values, over, variant].join("|"),
    name: [over, variant && `variant ${variant}`, values].filter(Boolean).join(", "),
    script: text(trial.script),
    baseline: trial.baseline.map(text),
  };
});

const CASES = DATA.cases.map((c, index) => {
  const entry = { index, hazard: c.hazard, trials: TRIALS.slice(c.first, c.first + c.count) };
  for (const key of ["id", "role", "area", "title", "rule", "level", "text", "source", "link", "impact"]) entry[key] = text(c[key]);
  for (const trial of entry.trials) trial.quoted = (entry.id + trial.values).replaceAll("'", "'\\''");
  entry.results = RESULTS.filter((result) => result.role === entry.role);
  entry.haystack = [entry.id, entry.title, entry.rule, entry.text, entry.area, entry.impact, entry.source].join("\n").toLowerCase();
  return entry;
});

// The letters of a case in a result: "ppf".
const letters = (c, result) => c.trials.map((trial) => result.letter(trial.index)).filter((letter) => letter !== ".");
const worst = (list) => WORST.find((letter) => list.includes(letter));

// "2 fail, 3 pass"
function inWords(list) {
  return WORST.map((letter) => [list.filter((other) => other === letter).length, WORDS[letter]])
    .filter(([n]) => n > 0)
    .map(([n, word]) => `${n} ${word}`)
    .join(", ");
}
