// The lists beside the map, which hold everything that is on it.

import { call } from "./api.js";
import { alertMark, alertTitle, catalogue, isWithin, may, regionName, resourceMark, severityMark, severityOf } from "./catalogue.js";
import { entry, find, make, moment, show, timeOfDay, words } from "./dom.js";
import { PagedList, pagesOf } from "./paged.js";

const LIVE = 50;
const RECENT = 20;
const MINE = 200;
const WORLD = "-180,-90,180,90";

/** Puts a choice into a select for each of the things. */
export function offerChoices(select, things, name = (thing) => thing.name) {
  while (select.options.length > 1) select.remove(1);
  select.append(...things.map((thing) => make("option", { value: thing.id, text: name(thing) })));
}

export function reportList(open) {
  const entryOf = (report) => {
    const type = catalogue.types.get(report.report_type_id)?.name;
    const review = report.needs_review ? `needs review: ${report.review_reasons.map(words).join(", ")}` : "";
    const about = [type, words(report.status), regionName(report.region_id), moment(report.reported_at), review].filter(Boolean);
    return entry(report.id, severityMark(severityOf(report).level), report.title, about.join(" · "), () => open(report.id));
  };
  const count = async ({ sort, ...filters }) => (await call("GET", "/statistics/reports", { query: filters })).total;
  return new PagedList("reports", { entry: entryOf, nouns: ["report", "reports"], load: pagesOf("/reports"), count });
}

export function resourceList(open) {
  const entryOf = (resource) => {
    const free = resource.capacity === null ? "no limit" : `${resource.available_capacity} of ${resource.capacity} available`;
    const about = [catalogue.resourceTypes.get(resource.resource_type_id)?.name, words(resource.status), free, regionName(resource.region_id)];
    return entry(resource.id, resourceMark(resource), resource.name, about.filter(Boolean).join(" · "), () => open(resource));
  };
  const count = async ({ sort, ...filters }) => (await call("GET", "/statistics/resource-cells", { query: { ...filters, bbox: WORLD, cell_size: 90 } })).total;
  return new PagedList("resources", { entry: entryOf, nouns: ["resource", "resources"], load: pagesOf("/resources"), count });
}

/** The alerts in force, those to oneself, or those of a status. Those to oneself say whether they were read. */
export function alertList(open) {
  const entryOf = (alert) => {
    const status = alert.status === "active" ? "" : words(alert.status);
    const about = [alert.priority, status, regionName(alert.region_id), moment(alert.issued_at), alert.is_read === false ? "not read yet" : ""];
    return entry(alert.id, alertMark(alert.priority), alertTitle(alert), about.filter(Boolean).join(" · "), () => open(alert));
  };
  const load = ({ show: which, ...filters }, page) => {
    if (which === "mine") return pagesOf("/my-alerts")({}, page);
    if (which === "force") return alertsInForce(filters, page);
    return pagesOf("/alerts")({ ...filters, status: which }, page);
  };
  return new PagedList("alerts", { entry: entryOf, nouns: ["alert", "alerts"], load });
}

/**
 * A page of the alerts in force that the account may read; on the first one are those to itself that are in force too,
 * whether or not it may read those of their regions.
 */
export async function alertsInForce(filters, page) {
  const [mine, all] = await Promise.all([
    page.cursor ? { items: [] } : call("GET", "/my-alerts", { query: { limit: MINE } }),
    may("alert:read") ? pagesOf("/recent-alerts")(filters, page) : { items: [], next_cursor: null },
  ]);
  const passes = (alert) =>
    alert.status === "active" && (!filters.priority || filters.priority === alert.priority) && (!filters.region_id || isWithin(alert.region_id, filters.region_id));
  if (!page.cursor) toMe = new Map(mine.items.filter(passes).map((alert) => [alert.id, alert]));
  const others = all.items.filter(({ id }) => !toMe.has(id));
  if (page.cursor) return { ...all, items: others };
  const items = [...toMe.values(), ...others].sort((one, other) => other.issued_at.localeCompare(one.issued_at));
  return { ...all, items };
}

let toMe = new Map(); // what the first page had of the alerts to oneself

const LIVE_NAMES = {
  report_created: (data) => `New report: ${data.title}`,
  report_status_changed: (data) => `${data.title ?? "A report"} is ${words(data.status)}`,
  report_updated: (data) => `Report edited: ${data.title}`,
  resource_created: (data) => `New resource: ${data.name}`,
  resource_status_changed: (data) => `${data.name ?? "A resource"} is ${words(data.status)}`,
  resource_usage_changed: (data) => `Usage changed: ${data.name ?? "a resource"}`,
  alert_issued: (data) => `Alert: ${data.title}`,
  alert_status_changed: (data) => `Alert ${words(data.status)}: ${data.title ?? ""}`,
};

export class LiveList {
  /** @param {{report: Function, resource: Function, alert: Function}} open what opens each, by id */
  constructor(open) {
    this.open = open;
  }

  /** Begins with what changed last, so that the list is not empty until something happens. */
  async load() {
    const { items } = await call("GET", "/reports", { query: { sort: "updated_at", limit: RECENT } }).catch(() => ({ items: [] }));
    for (const report of items.reverse()) {
      const type = report.version === 1 ? "report_created" : "report_status_changed";
      this.add(type, { ...report, report_id: report.id }, report.updated_at);
    }
  }

  clear() {
    find("live").replaceChildren();
    show(find("live-empty"), true);
    show(find("live-limit"), false);
  }

  /** Puts an event on top; what nobody needs to see is left out. */
  add(type, data, at = null) {
    const name = LIVE_NAMES[type];
    if (!name) return;
    const thing = type.split("_")[0];
    const id = data[`${thing}_id`] ?? data.id;
    const open = () => this.open[thing](id);
    const about = [timeOfDay(at), data.region_id ? regionName(data.region_id) : ""].filter(Boolean).join(" · ");
    find("live").prepend(make("li", { class: at ? "" : "new" }, entry(id, this.#mark(thing, data), name(data), about, open)));
    while (find("live").childElementCount > LIVE) find("live").lastChild.remove();
    show(find("live-limit"), find("live").childElementCount === LIVE);
    show(find("live-empty"), false);
  }

  #mark(thing, data) {
    if (thing === "alert") return alertMark(data.priority ?? "low");
    if (thing === "resource") return resourceMark({ resource_type_id: data.resource_type_id, status: data.status ?? "" });
    return severityMark(data.severity_level ?? catalogue.levels.get(data.severity_level_id)?.level);
  }
}
