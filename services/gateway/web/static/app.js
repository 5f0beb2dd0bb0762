// The situation page: signs in, and ties the map, the lists, the form and the stream together.

import { openAlert } from "./alert.js";
import { call, session } from "./api.js";
import { catalogue, loadCatalogue, may, severityMark } from "./catalogue.js";
import { closeDetail } from "./dialog.js";
import { find, make, once, show } from "./dom.js";
import { Filing, onSubmit } from "./forms.js";
import { offerIssuing } from "./issuing.js";
import { AlertList, LiveList, offerChoices, ReportList, ResourceList } from "./lists.js";
import { SituationMap } from "./map.js";
import { openReport } from "./report.js";
import { openResource } from "./resource.js";
import { follow } from "./stream.js";
import { choose, isChosen } from "./tabs.js";

const AFTER_EVENT = 1000; // events that come close together make one look at the lists
const WITHOUT_STREAM = 15_000;

let map = null;
let stopStream = null;
let polling = 0;

const openers = {
  report: (id) => openReport(id, look, refresh),
  resource: async (id) => openResource(await call("GET", `/resources/${id}`), look),
  alert: async (id) => openAlert(await call("GET", `/alerts/${id}`), refreshAlerts),
};
const reports = new ReportList(openers.report);
const alerts = new AlertList((alert) => openAlert(alert, refreshAlerts));
const resources = new ResourceList((resource) => openResource(resource, look));
const live = new LiveList(openers);
const filing = new Filing({
  pin: (latitude, longitude) => map?.pin(latitude, longitude),
  centre: () => map.centre,
  filed: () => refresh(),
});

offerIssuing(() => refreshAlerts());

function look(longitude, latitude) {
  map.look(longitude, latitude);
  find("map").scrollIntoView({ block: "nearest" });
  find("map").focus();
}

// --- what is chosen ---

function filters() {
  const { region_id: region, min_severity: severity, status } = find("filters").elements;
  const review = find("filter-review").checked ? { needs_review: true } : {};
  return { region_id: region.value, min_severity: severity.value, status: status.value, ...review };
}

/** What is to be reviewed stands in the order of arrival, for its own time may be wrong. */
function listReports() {
  const query = filters();
  if (query.needs_review) query.sort = "updated_at";
  if (find("filter-view").checked) query.bbox = map.box;
  return reports.load(query);
}

const refresh = once(AFTER_EVENT / 4, () => {
  if (!map) return;
  map.load();
  listReports();
});
const refreshAlerts = once(AFTER_EVENT, async () => {
  const found = await alerts.load();
  map?.drawAlerts(found); // the map of before may have gone meanwhile
});
const refreshResources = once(AFTER_EVENT, () => {
  map?.load();
  resources.load();
});
const refreshReports = once(AFTER_EVENT, refresh);

function hear(type, data) {
  live.add(type, data);
  if (type.startsWith("report")) refreshReports();
  if (type.startsWith("resource")) refreshResources();
  if (type === "alert_issued" || type === "alert_status_changed") refreshAlerts();
}

// --- begin and end ---

async function begin() {
  await loadCatalogue();
  show(find("signed-out"), false);
  show(find("situation"), true);
  show(find("account"), true);
  find("who").textContent = `${catalogue.me.first_name} ${catalogue.me.last_name}`;
  show(find("tab-filing"), may("report:create"));
  show(find("issuing-fold"), may("alert:issue"));
  show(find("filter-review-field"), may("report:update"));
  const inhabited = catalogue.regions.filter((region) => !region.properties.is_reserved);
  const levels = [...catalogue.byLevel.values()];
  offerChoices(find("filter-region"), catalogue.regions, (region) => region.properties.name);
  offerChoices(find("alert-region"), inhabited.filter(({ id }) => may("alert:issue", id)), (region) => region.properties.name);
  offerChoices(find("report-region"), inhabited, (region) => region.properties.name);
  offerChoices(find("filter-severity"), levels.map(({ level, name }) => ({ id: level, name: `${level} – ${name}` })));
  offerChoices(find("report-type"), [...catalogue.types.values()]);
  offerChoices(find("report-severity"), levels, ({ level, name }) => `${level} – ${name}`);
  find("severities").replaceChildren(...levels.map(({ level, name }) => make("li", {}, severityMark(level, "key"), name)));
  find("legend").open = window.innerWidth > 900;
  choose("live");
  map = new SituationMap(find("map"), {
    report: openers.report,
    resource: (resource) => openers.resource(resource.id),
    alert: (alert) => openAlert(alert, refreshAlerts),
    place: placeChosen,
    shown: (text) => {
      find("shown").textContent = text;
    },
    moved: () => {
      if (find("filter-view").checked) listReports();
    },
  });
  map.drawRegions();
  map.filter(filters());
  listReports();
  refreshAlerts();
  resources.load();
  live.load();
  stopStream = follow(hear, refresh, sayConnection);
}

function end() {
  stopStream?.();
  clearInterval(polling);
  map?.remove();
  [map, stopStream] = [null, null];
  closeDetail();
  live.clear();
  for (const id of ["reports", "alerts", "resources"]) find(id).replaceChildren();
  for (const id of ["situation", "account", "connection"]) show(find(id), false);
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
  clearInterval(polling);
  polling = isLive ? 0 : setInterval(() => [refresh, refreshAlerts, refreshResources].forEach((work) => work()), WITHOUT_STREAM);
}

find("filter-region").addEventListener("change", ({ target }) => map.lookAtRegion(target.value));
find("filters").addEventListener("change", () => {
  map.filter(filters());
  listReports();
});
find("filters").addEventListener("submit", (event) => event.preventDefault());
find("sign-out").addEventListener("click", () => session.signOut());
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
