// The lists beside the map, which hold everything that is on it.

import { call } from "./api.js";
import { alertMark, alertTitle, catalogue, may, regionName, resourceMark, severityMark, severityOf } from "./catalogue.js";
import { entry, find, make, moment, replaceEntries, sayProblem, show, timeOfDay, words } from "./dom.js";

const LIVE = 50;
const RECENT = 20;
const PAGE = 50;

/** Puts a choice into a select for each of the things. */
export function offerChoices(select, things, name = (thing) => thing.name) {
  while (select.options.length > 1) select.remove(1);
  select.append(...things.map((thing) => make("option", { value: thing.id, text: name(thing) })));
}

export class ReportList {
  #cursor = "";
  #query = {};

  constructor(open) {
    this.open = open;
    find("more-reports").addEventListener("click", () => this.#append());
  }

  /** Begins anew with these filters. */
  async load(query) {
    this.#query = query;
    this.#cursor = "";
    await this.#append();
  }

  async #append() {
    const [query, cursor] = [this.#query, this.#cursor];
    try {
      const page = await call("GET", "/reports", { query: { ...query, cursor, limit: PAGE } });
      if (query !== this.#query) return; // other filters were set meanwhile
      const entries = page.items.map((report) => this.#entry(report));
      if (cursor) find("reports").append(...entries.map((one) => make("li", {}, one)));
      else replaceEntries(find("reports"), entries);
      this.#cursor = page.next_cursor;
      if (cursor && entries.length) entries[0].focus();
      show(find("more-reports"), Boolean(page.next_cursor));
      show(find("reports-empty"), !find("reports").childElementCount);
      sayProblem(find("reports-problem"), null);
    } catch (problem) {
      sayProblem(find("reports-problem"), problem);
    }
  }

  #entry(report) {
    const type = catalogue.types.get(report.report_type_id)?.name;
    const review = report.needs_review ? `needs review: ${report.review_reasons.map(words).join(", ")}` : "";
    const about = [type, words(report.status), regionName(report.region_id), moment(report.reported_at), review].filter(Boolean);
    return entry(report.id, severityMark(severityOf(report).level), report.title, about.join(" · "), () => this.open(report.id));
  }
}

export class AlertList {
  constructor(open) {
    this.open = open;
  }

  /** Loads the alerts that hold now, and gives them back for the map; those to oneself say whether they were read. */
  async load() {
    try {
      const [mine, all] = await Promise.all([
        call("GET", "/my-alerts", { query: { limit: 100 } }),
        may("alert:read") ? call("GET", "/recent-alerts", { query: { limit: 100 } }) : { items: [] },
      ]);
      const toMe = new Map(mine.items.filter((alert) => alert.status === "active").map((alert) => [alert.id, alert]));
      const items = all.items.map((alert) => ({ ...alert, is_read: toMe.get(alert.id)?.is_read }));
      const known = new Set(items.map((alert) => alert.id));
      items.push(...[...toMe.values()].filter((alert) => !known.has(alert.id)));
      replaceEntries(find("alerts"), items.map((alert) => this.#entry(alert)));
      show(find("alerts-empty"), !items.length);
      sayProblem(find("alerts-problem"), null);
      return items;
    } catch (problem) {
      sayProblem(find("alerts-problem"), problem);
      return [];
    }
  }

  #entry(alert) {
    const about = [alert.priority, regionName(alert.region_id), moment(alert.issued_at), alert.is_read === false ? "not read yet" : ""];
    return entry(alert.id, alertMark(alert.priority), alertTitle(alert), about.filter(Boolean).join(" · "), () => this.open(alert));
  }
}

export class ResourceList {
  constructor(open) {
    this.open = open;
  }

  async load() {
    try {
      const { items } = await call("GET", "/resources", { query: { limit: 200 } });
      replaceEntries(find("resources"), items.map((resource) => this.#entry(resource)));
      show(find("resources-empty"), !items.length);
      sayProblem(find("resources-problem"), null);
    } catch (problem) {
      sayProblem(find("resources-problem"), problem);
    }
  }

  #entry(resource) {
    const free = resource.capacity === null ? "no limit" : `${resource.available_capacity} of ${resource.capacity} available`;
    const about = [catalogue.resourceTypes.get(resource.resource_type_id)?.name, words(resource.status), free, regionName(resource.region_id)];
    return entry(resource.id, resourceMark(resource), resource.name, about.filter(Boolean).join(" · "), () => this.open(resource));
  }
}

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
    show(find("live-empty"), false);
  }

  #mark(thing, data) {
    if (thing === "alert") return alertMark(data.priority ?? "low");
    if (thing === "resource") return resourceMark({ resource_type_id: data.resource_type_id, status: data.status ?? "" });
    return severityMark(data.severity_level ?? catalogue.levels.get(data.severity_level_id)?.level);
  }
}
