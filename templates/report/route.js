// What the address says is what is shown: filters, and the case that is open. Nothing else keeps state.
const page = Object.fromEntries(["overview", "cases", "filters", "found", "list", "case", "main", "skip-link"].map((id) => [id, document.getElementById(id)]));

function address(route) {
  const entries = Object.entries(route).filter(([, value]) => value);
  return `#${new URLSearchParams(entries)}`;
}

const readRoute = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
const filtersOf = (route) => Object.fromEntries(FILTERS.filter((name) => route[name]).map((name) => [name, route[name]]));

// The case that the address names; servers and clients may each have one of that name.
function named(route) {
  const all = CASES.filter((c) => c.id === route.case);
  const fits = (c) => c.results.some((result) => result.label === route.of) || several(route.role).includes(c.role);
  return all.find(fits) || all[0];
}

let shown = null;

function show() {
  const route = readRoute();
  const filters = filtersOf(route);
  const open = route.case && named(route);
  page.overview.hidden = Boolean(open);
  page.case.hidden = !open;
  if (open) {
    const list = matching(filters);
    const at = list.indexOf(open);
    page.case.replaceChildren(...casePage(open, route, filters, [list[at - 1], at < 0 ? undefined : list[at + 1]]).filter(Boolean));
    document.title = `${open.title} · siospec`;
    const stays = shown && shown.case === route.case;
    const heading = document.getElementById(stays && route.of ? "trial-title" : "case-title");
    if (heading && shown) heading.focus();
    if (shown && !stays) scrollTo(0, 0);
  } else {
    showFilters(page.filters, filters);
    showList(page.list, page.found, filters);
    if (route.case) page.found.textContent = `This report has no case ${route.case}. ${page.found.textContent}`;
    document.title = "siospec: how implementations of Socket.IO keep to the protocol";
    const filtered = Object.keys(filters).length > 0;
    const heading = document.getElementById("cases-h");
    if (shown && (shown.case || (filtered && !typing))) heading.focus();
    if (!shown && filtered) heading.scrollIntoView();
  }
  shown = route;
}

let typing = false;

function filtersChanged(filters) {
  typing = true;
  history.replaceState(null, "", address(filters));
  show();
  typing = false;
}

buildFilters(page.filters, filtersChanged);
page.cases.hidden = false;
if (DATA.shortened) page.found.before(el("p", { class: "note" }, "Some transcripts are shortened or left out to keep this page small; the JSON results have them whole."));
page["skip-link"].addEventListener("click", (event) => {
  event.preventDefault();
  page.main.focus();
});
addEventListener("hashchange", show);
addEventListener("keydown", (event) => {
  const inField = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  if (event.key === "/" && !inField && !event.ctrlKey && !event.metaKey && page.case.hidden) {
    event.preventDefault();
    page.filters.elements.q.focus();
  }
  if (event.key === "Escape" && !page.case.hidden) location.hash = address(filtersOf(readRoute()));
});
show();
