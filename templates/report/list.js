// The list of cases, by role, and the filters above it.
const FILTERS = ["q", "verdict", "level", "area", "role", "target"];
const several = (value) => (value ? value.split(",") : []);
const unique = (list) => [...new Set(list)];

function counted(letter) {
  return RESULTS.reduce((sum, result) => sum + TRIALS.filter((trial) => result.letter(trial.index) === letter).length, 0);
}

function buildFilters(form, changed) {
  const chips = (name, legend, entries) => el("fieldset", { "data-name": name }, el("legend", {}, legend), entries.map(([value, label]) =>
    el("label", { class: "chip" }, el("input", { type: "checkbox", name, value }), label)));
  const select = (name, label, values) => el("label", { class: "field" }, label,
    el("select", { name }, el("option", { value: "" }, "all"), values.map((value) => el("option", { value }, value))));
  const levels = unique(CASES.map((c) => c.level)).sort((a, b) => (LEVELS.indexOf(a) + 99) % 99 - (LEVELS.indexOf(b) + 99) % 99);
  const roles = unique(CASES.map((c) => c.role));
  const verdicts = WORST.map((letter) => [letter, counted(letter)]).filter(([, n]) => n > 0);
  form.append(
    el("label", { class: "field search" }, "Search", el("input", { type: "search", name: "q", placeholder: "title, id, rule", spellcheck: "false", autocomplete: "off" })),
    select("area", "Area", unique(CASES.map((c) => c.area)).sort()),
    select("target", "Implementation", unique(RESULTS.map((result) => result.label))),
    el("button", { type: "reset" }, "Clear all"),
    chips("verdict", "Verdict", verdicts.map(([letter, n]) => [WORDS[letter], badge(WORDS[letter], `${WORDS[letter]} ${n}`)])),
    chips("level", "Level", levels.map((level) => [level, level])),
    chips("role", "Role", roles.map((role) => [role, role])),
  );
  if (roles.length < 2) form.querySelector("[data-name=role]").hidden = true;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => changed(readFilters(form)));
  form.addEventListener("reset", () => changed({}));
}

function readFilters(form) {
  const filters = {};
  for (const name of FILTERS) {
    const values = new FormData(form).getAll(name).filter(Boolean);
    if (values.length) filters[name] = values.join(",");
  }
  return filters;
}

function showFilters(form, filters) {
  for (const field of form.elements) {
    if (field.type === "checkbox") field.checked = several(filters[field.name]).includes(field.value);
    else if (field.name && field.value !== (filters[field.name] || "")) field.value = filters[field.name] || "";
  }
}

// The cases that the filters leave.
function matching(filters) {
  const words = (filters.q || "").toLowerCase().split(/\s+/).filter(Boolean);
  const verdicts = several(filters.verdict);
  const [levels, roles] = [several(filters.level), several(filters.role)];
  return CASES.filter((c) => {
    if (filters.area && c.area !== filters.area) return false;
    if (levels.length && !levels.includes(c.level)) return false;
    if (roles.length && !roles.includes(c.role)) return false;
    const results = c.results.filter((result) => !filters.target || result.label === filters.target);
    const all = results.flatMap((result) => letters(c, result));
    if (!all.length) return false;
    if (verdicts.length && !all.some((letter) => verdicts.includes(WORDS[letter]))) return false;
    return words.every((word) => c.haystack.includes(word));
  });
}

function cellOf(c, result, links) {
  const list = letters(c, result);
  if (!list.length) return el("td", { class: "none" }, hidden("not there"));
  const word = WORDS[worst(list)];
  const same = list.filter((letter) => WORDS[letter] === word).length;
  const shows = same < list.length ? `${same}/${list.length}` : "";
  const says = `${result.label}: ${inWords(list)}`;
  const link = el("a", { "aria-label": `${shows} ${says}`.trim(), title: says }, sign(word), shows && el("span", {}, shows));
  links.push([link, { case: c.id, of: result.label }]);
  return el("td", { class: `v-${word}` }, link);
}

// Rows are made once, since there may be thousands of cells; only where their links lead depends on the filters.
const made = new Map();

function rowOf(c, results, filters) {
  const key = `${c.index} ${results.map((result) => result.index)}`;
  if (!made.has(key)) {
    const title = el("a", {}, c.title);
    const links = [[title, { case: c.id }]];
    const head = el("th", { scope: "row" }, title,
      el("span", { class: "small" }, el("span", { class: "level" }, c.level), " ", el("span", { class: "id" }, c.id)));
    made.set(key, { row: el("tr", {}, head, results.map((result) => cellOf(c, result, links))), links });
  }
  const { row, links } = made.get(key);
  for (const [link, route] of links) put(link, { href: address({ ...filters, ...route }) }, []);
  return row;
}

function tableOf(role, cases, filters) {
  const results = RESULTS.filter((result) => result.role === role && (!filters.target || result.label === filters.target));
  const heading = { server: "Servers", client: "Clients", codec: "Codecs" }[role] || role;
  return [
    el("h3", {}, heading),
    el("div", { class: "scroll", role: "group", "aria-label": `Cases, ${heading}`, tabindex: "0" },
      el("table", { class: "cases" },
        el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Case"), results.map((result) => el("th", { scope: "col" }, result.label)))),
        el("tbody", {}, cases.map((c) => rowOf(c, results, filters))))),
  ];
}

function showList(list, found, filters) {
  const cases = matching(filters);
  const roles = unique(cases.map((c) => c.role));
  list.replaceChildren(...roles.flatMap((role) => tableOf(role, cases.filter((c) => c.role === role), filters)));
  found.textContent = cases.length ? `${cases.length} of ${CASES.length} cases` : "No case fits these filters.";
}
