// What the rest of the page looks names, colours and permissions up in; loaded once after the sign-in.

import { call, keptFeatures } from "./api.js";
import { make } from "./dom.js";

const PRIORITIES = { critical: "#8e0000", high: "#c62828", medium: "#b26a00", low: "#1565c0" };

/** Why a report is to be reviewed. */
export const REVIEW_REASONS = {
  type_inactive: "Its type is no longer in use.",
  clock_ahead: "The clock of the reporting device is ahead.",
  clock_past: "The clock of the reporting device seems to be wrong.",
  outside_regions: "Its location is in no region.",
  no_region: "Its region is unknown.",
  no_coordinates: "It has an address without coordinates.",
};

export const catalogue = {
  me: null,
  types: new Map(), // by id
  levels: new Map(), // by id
  byLevel: new Map(), // severities by their number
  resourceTypes: new Map(),
  regions: [], // GeoJSON features
  regionNames: new Map(),
  parents: new Map(), // of regions, by id
};

export async function loadCatalogue() {
  const [me, types, levels, resourceTypes, regions] = await Promise.all([
    call("GET", "/auth/me"),
    every((query) => call("GET", "/report-types", { query })),
    every((query) => call("GET", "/severity-levels", { query })),
    every((query) => call("GET", "/resource-types", { query })),
    every((query) => keptFeatures("/regions", query)),
  ]);
  catalogue.me = me;
  catalogue.types = byId(types);
  catalogue.levels = byId(levels);
  catalogue.byLevel = new Map(levels.map((level) => [level.level, level]));
  catalogue.resourceTypes = byId(resourceTypes);
  catalogue.regions = regions;
  catalogue.regionNames = new Map(regions.map((region) => [region.id, region.properties.name]));
  catalogue.parents = new Map(regions.map((region) => [region.id, region.properties.parent_id ?? null]));
}

/** Whether the one who is signed in holds the permission; in a region or one that contains it, or anywhere at all. */
export function may(permission, region = null) {
  const thing = permission.split(":")[0];
  const held = catalogue.me.permissions;
  return [permission, `${thing}:*`, "*"].some(
    (name) => held[name] === true || (Array.isArray(held[name]) && (region === null || lineageOf(region).some((id) => held[name].includes(id)))),
  );
}

/** A region and those that contain it. */
function lineageOf(id) {
  const lineage = [];
  for (let one = id; one && !lineage.includes(one); one = catalogue.parents.get(one)) lineage.push(one);
  return lineage;
}

export const isWithin = (id, region) => lineageOf(id).includes(region);

export const regionName = (id) => catalogue.regionNames.get(id) ?? "another region";

export function severityOf(report) {
  return catalogue.levels.get(report.severity_level_id) ?? { level: 0, name: "Unknown", color_code: null };
}

/** A severity's mark: its number on its colour. */
export function severityMark(level, extra = "") {
  const mark = make("span", { class: `mark ${extra}`, text: level || "?", role: "img", "aria-label": `Severity ${level}` });
  return paint(mark, catalogue.byLevel.get(level)?.color_code);
}

export function cellMark(count, level) {
  const label = `${count} reports, the worst of severity ${level}`;
  const mark = make("span", { class: "mark cell", role: "img", "aria-label": label }, make("span", {}, short(count), make("small", { text: `S${level}` })));
  return paint(mark, catalogue.byLevel.get(level)?.color_code);
}

export function resourceCellMark(count, available) {
  const label = `${count} resources, ${available} of them available`;
  const mark = make("span", { class: "mark cell resource", role: "img", "aria-label": label }, make("span", {}, short(count), make("small", { text: "R" })));
  mark.classList.toggle("unavailable", !available);
  return mark;
}

export function resourceMark(resource) {
  const type = catalogue.resourceTypes.get(resource.resource_type_id)?.name ?? "Resource";
  return make("span", { class: `mark resource ${resource.status}`, text: type.slice(0, 1).toUpperCase(), role: "img", "aria-label": type });
}

/** The texts of an alert in the language that the account prefers, or in its own. */
export function textFor(alert) {
  if (alert.text) return alert.text;
  const own = { language: alert.language, title: alert.title, message: alert.message, instruction: alert.instruction };
  const texts = [own, ...(alert.translations ?? [])];
  const wanted = (catalogue.me?.preferences?.language ?? "").toLowerCase().split("-").filter(Boolean);
  for (let length = wanted.length; length > 0; length -= 1) {
    const prefix = wanted.slice(0, length).join("-");
    const found = texts.find(({ language }) => language && language.toLowerCase().split("-").slice(0, length).join("-") === prefix);
    if (found) return found;
  }
  return own;
}

/** An alert's title in the language of whoever reads it, behind what nobody may overlook: that it is not meant. */
export function alertTitle(alert) {
  const { title } = textFor(alert);
  return alert.cap_status && alert.cap_status !== "Actual" ? `${alert.cap_status.toUpperCase()}: ${title}` : title;
}

export function alertMark(priority) {
  const mark = make("span", { class: "mark alert", text: `!${priority.slice(0, 1).toUpperCase()}`, role: "img", "aria-label": `Alert, ${priority}` });
  return paint(mark, PRIORITIES[priority]);
}

/** Gives a mark its colour, with the digits in whichever of black and white is easier to read on it. */
function paint(mark, colour) {
  if (!/^#[0-9a-f]{6}$/i.test(colour ?? "")) return mark;
  const [red, green, blue] = [1, 3, 5].map((place) => {
    const part = parseInt(colour.slice(place, place + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue; // WCAG 2.2, relative luminance
  mark.style.backgroundColor = colour;
  mark.style.color = luminance > 0.18 ? "#000" : "#fff";
  return mark;
}

const short = (count) => (count < 1000 ? String(count) : count < 10_000 ? `${(count / 1000).toFixed(1)}k` : `${Math.round(count / 1000)}k`);
const byId = (items) => new Map(items.map((item) => [item.id, item]));

async function every(page) {
  const found = [];
  let cursor = "";
  do {
    const answer = await page({ limit: 500, cursor });
    found.push(...(answer.items ?? answer.features));
    cursor = answer.next_cursor;
  } while (cursor);
  return found;
}
