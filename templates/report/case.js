// A case: its rule, its trials in each result, and one of them in full.

// The trial and the result that the address names; without that, the worst of what is there.
function chosen(c, route) {
  const trials = c.trials.filter((trial) => !route.trial || trial.key === route.trial);
  const results = c.results.filter((result) => !route.of || result.label === route.of);
  const all = trials.flatMap((trial) => results.map((result) => ({ trial, result, letter: result.letter(trial.index) })));
  const rank = ({ letter }) => (letter === "." ? WORST.length : WORST.indexOf(letter));
  return all.sort((a, b) => rank(a) - rank(b))[0];
}

function casePage(c, route, filters, neighbours) {
  const pick = chosen(c, route);
  const facts = [
    ["Rule", [el("code", {}, c.rule), " ", el("span", { class: "level" }, c.level), el("br"), c.text]],
    (c.source || c.link) && ["Source", linkedTo(c.source || c.link, c.link)],
    c.impact && ["What it means to a user", c.impact],
    ["Case", [el("code", {}, c.id), c.hazard && " (a hazard to the process)"]],
  ];
  const link = (other, words, rel) => other
    && el("a", { href: address({ ...filters, case: other.id }), rel }, words, hidden(`: ${other.title}`));
  return [
    el("nav", { "aria-label": "Cases", class: "steps" },
      el("a", { href: address(filters) }, "← All cases"), link(neighbours[0], "Previous", "prev"), link(neighbours[1], "Next", "next")),
    el("h2", { tabindex: "-1", id: "case-title" }, c.title),
    el("dl", {}, facts.filter(Boolean).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))),
    trialsTable(c, pick, filters),
    pick ? trialDetail(c, pick) : el("p", {}, "There is no trial of this name."),
  ];
}

function trialsTable(c, pick, filters) {
  const cell = (trial, result) => {
    const letter = result.letter(trial.index);
    if (letter === ".") return el("td", { class: "none" }, hidden("not there"));
    const current = pick && pick.trial === trial && pick.result === result;
    const href = address({ ...filters, case: c.id, trial: trial.key, of: result.label });
    return el("td", { class: `v-${WORDS[letter]}` },
      el("a", { href, "aria-current": current ? "true" : null }, sign(WORDS[letter]), WORDS[letter], hidden(`, ${result.label}, ${trial.name}`)));
  };
  return el("div", { class: "scroll", role: "group", "aria-label": "Trials", tabindex: "0" },
    el("table", { class: "trials" },
      el("caption", {}, "Its trials"),
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Trial"), c.results.map((result) => el("th", { scope: "col" }, result.label)))),
      el("tbody", {}, c.trials.map((trial) =>
        el("tr", {}, el("th", { scope: "row" }, trial.name), c.results.map((result) => cell(trial, result)))))));
}

function trialDetail(c, { trial, result, letter }) {
  const details = result.details(trial.index);
  const word = WORDS[letter];
  const body = [];
  if (letter === ".") body.push(el("p", {}, result.interrupted ? "Not played: the run was interrupted." : "This result does not have the trial."));
  if (letter === "p") body.push(el("p", {}, "The rule holds, and nothing differs from the reference."));
  if (details.message) body.push(el("p", { class: "message" }, details.message));
  if (details.known) body.push(el("p", {}, "Known: ", details.known[0], " ", linked(details.known[1])));
  if (details.failure) body.push(verdictOf(details.failure, c.role !== "codec"));
  body.push(scriptOf(details.script || trial.script, details.failure));
  body.push(diagrams(c, trial, result, details, word));
  if (details.deviation) body.push(el("h4", {}, "What differs from the reference"), difference(details.deviation));
  if (details.replay) body.push(el("h4", {}, "Play it again"), copyable(details.replay));
  return el("section", { class: "trial", "aria-labelledby": "trial-title" },
    el("h3", { id: "trial-title", tabindex: "-1" }, `${result.label}, ${trial.name} `, word && badge(word),
      details.ms !== undefined && el("span", { class: "small" }, ` ${details.ms} ms`)),
    body);
}

function verdictOf(failure, timed) {
  const rows = [
    ["Expected", failure.expected],
    ["Came", timed ? `${failure.came} (after ${failure.at} ms)` : failure.came],
    ...failure.allowed.map((words) => ["Also allowed", words]),
    failure.hint && ["Hint", failure.hint],
  ];
  return el("dl", { class: "verdict" },
    rows.filter(Boolean).map(([name, words]) => el("div", { class: name.toLowerCase().replace(" ", "-") }, el("dt", {}, name), el("dd", {}, words))));
}

// The script with the line that is to blame. It may have been saved without its header: then the text decides.
function scriptOf(script, failure) {
  if (!script) return null;
  const lines = script.replace(/\n+$/, "").split("\n");
  const wanted = failure && failure.scriptLine.trim();
  const fits = (line) => line !== undefined && line.trim() === wanted;
  const blamed = !failure ? -1 : fits(lines[failure.line - 1]) ? failure.line - 1 : lines.findIndex(fits);
  const items = lines.map((line, index) => index === blamed
    ? el("li", { class: "blamed" }, el("code", {}, line), el("p", {}, sign("fail"), "expected ", failure.expected, "; came ", failure.came))
    : el("li", { class: /^\s*#/.test(line) ? "comment" : null }, el("code", {}, line || " ")));
  return [el("h4", { id: "script-h" }, "Script"),
    el("div", { class: "scroll", role: "group", "aria-labelledby": "script-h", tabindex: "0" }, el("ol", { class: "script" }, items))];
}

function diagrams(c, trial, result, details, word) {
  const rows = recorded(details.rows, c.role !== "codec");
  const names = { server: ["siospec", result.label], client: [result.label, "siospec"], codec: ["siospec", result.label] }[c.role]
    || ["client", "server"];
  const lanes = {
    client: c.role === "codec" ? names[0] : `${names[0]} (client)`,
    server: c.role === "codec" ? names[1] : `${names[1]} (server)`,
    tester: c.role === "client" ? "server" : "client",
  };
  const figures = [];
  if (rows.length) {
    blame(rows, details, word);
    figures.push(figure("What happened", rows, lanes, `Sequence diagram of ${result.label}, ${trial.name}`));
  }
  if (trial.baseline.length) {
    const reference = { ...lanes, [c.role === "client" ? "client" : "server"]: lanes[c.role === "client" ? "client" : "server"].replace(result.label, "reference") };
    figures.push(figure("The reference", ofLines(trial.baseline), reference, `Sequence diagram of the reference, ${trial.name}`));
  }
  if (!figures.length) return word === "skip" ? null : el("p", { class: "small" }, "The transcript is in the JSON result.");
  return [el("h4", {}, "Transcript"), el("div", { class: "figures" }, figures)];
}

// Marks the row that did not fit, or adds the one that never came.
function blame(rows, details, word) {
  const failure = details.failure;
  if (!failure) {
    if (["crashed", "hung", "broken"].includes(word)) rows.push({ kind: "n", label: "", text: word, expected: "an answer", came: details.message });
    return;
  }
  const { expected, came } = failure;
  if (details.blamed !== undefined) {
    Object.assign(rows[details.blamed], { expected, came });
    return;
  }
  const [, label, kind, words] = /^([a-z][a-z0-9]*#?|)(@>|@<|[<>])\s?(.*)$/s.exec(failure.scriptLine.trim()) || [null, "", "n", failure.scriptLine];
  const after = rows.findIndex((row) => row.at > failure.at);
  const missing = { at: failure.at, kind, label, text: words, missing: true, expected, came };
  rows.splice(after < 0 ? rows.length : after, 0, missing);
}

function difference(words) {
  const kinds = { "+": "added", "-": "removed" };
  return el("pre", { class: "difference", tabindex: "0" },
    words.split("\n").map((line) => el("span", { class: (!/^(---|\+\+\+) (reference|target)$/.test(line) && kinds[line[0]]) || "same" }, `${line}\n`)));
}

function copyable(command) {
  const button = el("button", { type: "button" }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(command);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(button.previousSibling);
    }
  });
  return el("p", { class: "replay" }, el("code", {}, command), button);
}
