// What the address says is what is shown: filters, and the case that is open. Nothing else keeps state.
const page = Object.fromEntries(["overview", "cases", "filters", "found", "list", "case", "main", "skip-link"].map((id) => [id, document.getElementById(id)]));

function address(route) {
  const entries = Object.entries(route).filter(([, value]) => value);
  return `#${new URLSearchParams(entries)}`;
}

const readRoute = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
const filtersOf = (route) => Object.fromEntries(FILTERS.filter((name) => route[name]).map((name) => [name, route[name]]));

let shown = null;

function show() {
  const route = readRoute();
  const filters = filtersOf(route);
  const open = route.case && CASES.find((c) => c.id === route.case);
  page.overview.hidden = Boolean(open);
  page.case.hidden = !open;
  if (open) {
    const list = matching(filters);
    const at = list.indexOf(open);
    page.case.replaceChildren(...casePage(open, route, filters, [list[at - 1], at < 0 ? undefined : list[at + 1]]).filter(Boolean));
    document.title = `${open.title} · siospec`;
    const stays = shown && shown.case === route.case;
    const heading = document.getElementById(stays && route.of ? "trial-title" : "case-title");
    if (heading) heading.focus();
    if (!stays) scrollTo(0, 0);
  } else {
    showFilters(page.filters, filters);
    showList(page.list, page.found, filters);
    document.title = "siospec: how implementations of Socket.IO keep to the protocol";
    const filtered = Object.keys(filters).length > 0;
    if (shown && (shown.case || (filtered && !typing))) document.getElementById("cases-h").focus();
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
