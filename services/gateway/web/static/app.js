// The situation page: signs in, and ties the map, the lists, the form and the stream together.

import { clearAddress, inAddress, putInAddress } from "./address.js";
import { openAlert } from "./alert.js";
import { call, session } from "./api.js";
import { catalogue, loadCatalogue, may, severityMark } from "./catalogue.js";
import { closeDetail, onDetail, openers } from "./dialog.js";
import { find, make, once, show } from "./dom.js";
import { forgetDrafts, forgetOldDrafts } from "./drafts.js";
import { Filing } from "./filing.js";
import { Filters } from "./filters.js";
import { firstExtent, wholeExtent } from "./firstview.js";
import { onSubmit } from "./forms.js";
import { offerIssuing } from "./issuing.js";
import { alertList, alertsInForce, LiveList, offerChoices, reportList, resourceList } from "./lists.js";
import { SituationMap } from "./map.js";
import { forgetPeople } from "./people.js";
import { offerRegions } from "./regions.js";
import { openReport } from "./report.js";
import { openResource } from "./resource.js";
import { follow } from "./stream.js";
import { choose, isChosen } from "./tabs.js";
import { offerWaiting } from "./waiting.js";

const AFTER_EVENT = 1000; // events that come close together make one look at the lists
const WITHOUT_STREAM = 15_000;
const DRAWN = 500; // alerts on the map

let map = null;
let stopStream = null;
let polling = 0;

Object.assign(openers, {
  report: (id) => openReport(id, look, reportChanged),
  resource: async (id) => openResource(await call("GET", `/resources/${id}`), look, refreshResources),
  alert: async (id) => openAlert(await call("GET", `/alerts/${id}`), refreshAlerts),
});
const reports = reportList(openers.report);
const alerts = alertList((alert) => openAlert(alert, refreshAlerts));
const resources = resourceList((resource) => openResource(resource, look, refreshResources));
const live = new LiveList(openers);
const filing = new Filing({
  pin: (latitude, longitude) => map?.pin(latitude, longitude),
  centre: () => map.centre,
  filed: () => refresh(),
});
const issuing = offerIssuing(() => refreshAlerts());
const filters = {
  reports: new Filters(find("filters"), "reports", (input) => {
    if (input?.name === "region_id") map.lookAtRegion(input.value);
    map.filter({ reports: reportFilters() });
    listReports();
  }),
  alerts: new Filters(find("alert-filters"), "alerts", () => alerts.load(filters.alerts.values)),
  resources: new Filters(find("resource-filters"), "resources", (input) => {
    if (input?.name === "region_id") map.lookAtRegion(input.value);
    map.filter({ resources: resourceFilters() });
    resources.load(filters.resources.values);
  }),
};

offerWaiting();

function look(longitude, latitude) {
  map.look(longitude, latitude);
  find("map").scrollIntoView({ block: "nearest" });
  find("map").focus();
}

// --- what is chosen ---

function reportFilters() {
  const { view, sort, needs_review: review, ...chosen } = filters.reports.values;
  return { ...chosen, needs_review: review ? "true" : "" };
}

function resourceFilters() {
  const { sort, ...chosen } = filters.resources.values;
  return chosen;
}

/** What is to be reviewed stands in the order of arrival, for its own time may be wrong. */
function listReports() {
  const { view, sort } = filters.reports.values;
  const query = reportFilters();
  query.sort = query.needs_review && sort === "reported_at" ? "updated_at" : sort;
  if (view) {
    query.bbox = map.box;
    putInAddress({ "reports.view": query.bbox });
  }
  return reports.load(query);
}

function reportChanged(report) {
  reports.update(report);
  refresh();
}

const refresh = once(AFTER_EVENT / 4, () => {
  map?.load();
  if (map) reports.refresh();
});
const refreshAlerts = once(AFTER_EVENT, () => {
  drawAlerts();
  if (map) alerts.refresh();
});
const refreshResources = once(AFTER_EVENT, () => {
  map?.load();
  if (map) resources.refresh();
});
const refreshReports = once(AFTER_EVENT, refresh);

async function drawAlerts() {
  const { items, next_cursor: more } = await alertsInForce({}, { cursor: "", limit: DRAWN }).catch(() => ({ items: null }));
  if (items) map?.drawAlerts(items, Boolean(more)); // the map of before may have gone meanwhile
}

function hear(type, data) {
  live.add(type, data);
  show(find("welcome"), false);
  if (type.startsWith("report")) refreshReports();
  if (type.startsWith("resource")) refreshResources();
  if (type === "alert_issued" || type === "alert_status_changed") refreshAlerts();
}

// --- begin and end ---

async function begin() {
  const { generation } = session;
  await loadCatalogue();
  show(find("signed-out"), false);
  show(find("situation"), true);
  show(find("account"), true);
  find("who").textContent = `${catalogue.me.first_name} ${catalogue.me.last_name}`;
  show(find("tab-filing"), may("report:create"));
  show(find("issuing-fold"), may("alert:issue"));
  show(find("filter-review-field"), may("report:update"));
  offerAll();
  forgetOldDrafts();
  Object.values(filters).forEach((one) => one.open());
  issuing.open("issuing");
  filing.open();
  find("legend").open = window.innerWidth > 900;
  choose(tabInAddress());
  const extent = await firstExtent({ ...reportFilters(), bbox: areaInAddress() }).catch(() => null);
  if (generation !== session.generation) return; // signed out meanwhile
  map = new SituationMap(find("map"), {
    report: openers.report,
    resource: (resource) => openers.resource(resource.id),
    alert: (alert) => openAlert(alert, refreshAlerts),
    place: placeChosen,
    shown: (text) => {
      find("shown").textContent = text;
    },
    moved: () => {
      if (filters.reports.values.view) listReports();
    },
  });
  map.begin(extent);
  map.filter({ reports: reportFilters(), resources: resourceFilters() });
  filing.showPlace();
  welcome(!extent);
  listReports();
  alerts.load(filters.alerts.values);
  resources.load(filters.resources.values);
  drawAlerts();
  live.load();
  stopStream = follow(hear, refresh, sayConnection);
  openWhatIsInAddress();
}

/** Fills what can be chosen. */
function offerAll() {
  const inhabited = catalogue.regions.filter((region) => !region.properties.is_reserved);
  const levels = [...catalogue.byLevel.values()];
  for (const id of ["filter-region", "filter-alert-region", "filter-resource-region"]) offerRegions(find(id), catalogue.regions);
  offerRegions(find("alert-region"), inhabited.filter(({ id }) => may("alert:issue", id)));
  offerRegions(find("report-region"), inhabited);
  offerChoices(find("filter-severity"), levels.map(({ level, name }) => ({ id: level, name: `${level} – ${name}` })));
  offerChoices(find("filter-type"), [...catalogue.types.values()]);
  offerChoices(find("filter-resource-type"), [...catalogue.resourceTypes.values()]);
  offerChoices(find("report-type"), [...catalogue.types.values()].filter(({ is_active: isActive }) => isActive !== false));
  offerChoices(find("report-severity"), levels, ({ level, name }) => `${level} – ${name}`);
  find("severities").replaceChildren(...levels.map(({ level, name }) => make("li", {}, severityMark(level, "key"), name)));
  for (const option of find("filter-alert-show").querySelectorAll("[data-staff]")) option.disabled = option.hidden = !may("alert:read");
}

/** Where nothing is there yet: what to do first. */
function welcome(isEmpty) {
  show(find("welcome"), isEmpty);
  if (!isEmpty) return;
  const isAdministrator = may("region:create");
  const steps = [
    isAdministrator && make("li", {}, "Add the regions that you work in: ", make("code", { text: "python -m services import regions FILE.geojson" })),
    may("report:create") && make("li", {}, make("button", { type: "button", text: "File the first report", on: { click: () => choose("filing", { focus: true }) } })),
    isAdministrator && make("li", { text: "Import reports and resources that you have as CSV or GeoJSON with the same command." }),
    !may("report:create") && make("li", { text: "Reports, resources and alerts appear here as soon as there are any that you may read." }),
  ];
  find("welcome-steps").replaceChildren(...steps.filter(Boolean));
}

// --- what the address says ---

const tabInAddress = () => {
  const tab = document.getElementById(`tab-${inAddress("tab")}`);
  return tab && !tab.hidden ? inAddress("tab") : "live";
};

/** The area to which the reports are narrowed; empty where they are not. */
const areaInAddress = () => (/^-?[\d.]+(,-?[\d.]+){3}$/.test(inAddress("reports.view") ?? "") ? inAddress("reports.view") : "");

async function openWhatIsInAddress() {
  const [kind, id] = (inAddress("open") ?? "").split(":");
  if (!id || !Object.hasOwn(openers, kind)) return;
  await openers[kind](id).catch(() => putInAddress({ open: null })); // it is not there any more, or not for this account
}

function end() {
  stopStream?.();
  clearInterval(polling);
  map?.remove();
  [map, stopStream] = [null, null];
  closeDetail();
  forgetPeople();
  find("shown").textContent = "";
  live.clear();
  filing.close();
  issuing.close();
  [reports, alerts, resources].forEach((list) => list.clear());
  for (const id of ["situation", "account", "connection", "interrupted"]) show(find(id), false);
  show(find("signed-out"), true);
  find("email").focus();
}

function placeChosen(place) {
  if (!may("report:create")) return;
  if (isChosen("filing")) filing.setPlace(place);
  else {
    map.offer(place, "File a report here", () => {
      choose("filing", { focus: true });
      filing.setPlace(place);
    });
  }
}

function sayConnection(isLive) {
  const said = find("connection");
  show(said, true);
  said.classList.toggle("lost", !isLive);
  const text = isLive ? "live" : "not live";
  if (said.textContent !== text) said.textContent = text;
  show(find("interrupted"), !isLive);
  clearInterval(polling);
  polling = isLive ? 0 : setInterval(() => [refresh, refreshAlerts, refreshResources].forEach((work) => work()), WITHOUT_STREAM);
}

document.addEventListener("chosen", ({ target }) => putInAddress({ tab: target.id === "tab-live" ? null : target.id.slice("tab-".length) }));
find("show-all").addEventListener("click", async () => {
  const extent = await wholeExtent({ reports: reportFilters(), resources: resourceFilters() }).catch(() => null);
  map?.lookAt(extent);
});
onDetail((what) => map && putInAddress({ open: what }));
find("sign-out").addEventListener("click", () => {
  forgetDrafts();
  session.signOut();
  clearAddress();
});
session.addEventListener("ended", () => map && end());

onSubmit(find("sign-in"), async ({ email, password }) => {
  await session.signIn(email.value, password.value);
  password.value = "";
  await begin();
  find("panels").focus();
});

try {
  if (await session.resume()) await begin();
  else show(find("signed-out"), true);
} catch (problem) {
  show(find("signed-out"), true);
  const said = find("sign-in").querySelector("[data-problem]");
  said.textContent = problem.message;
  show(said, true);
}
