// What the map shows first: where something is, and not the world.

import { features } from "./api.js";
import { catalogue, may } from "./catalogue.js";
import { boundsOf, extentOf } from "./extents.js";

const WORLD = "-180,-90,180,90";
const CELL = 5; // degrees
const MOST = 0.97; // of the things; a few that lie far away, often by a mistake, do not decide what is looked at

/**
 * The extent of what is of interest: the region that is filtered by, the regions that the person prefers, the reports
 * that pass the filters, the resources, or the regions.
 *
 * @param {object} filters of the reports
 * @returns {Promise<?{west: number, south: number, east: number, north: number}>} null where there is nothing yet
 */
export async function firstExtent({ region_id: chosen, bbox, ...filters }) {
  if (bbox) {
    const [west, south, east, north] = bbox.split(",").map(Number);
    return { west, south, east: east < west ? east + 360 : east, north };
  }
  const wanted = catalogue.me.preferences.regions ?? [];
  const places = catalogue.regions.filter(({ properties }) => !properties.is_reserved);
  const ofRegion = boundsOf(places.filter(({ id }) => id === chosen)) ?? boundsOf(places.filter(({ properties }) => wanted.includes(properties.code)));
  if (ofRegion) return ofRegion;
  const found = (await extentOfShare("/statistics/report-cells", filters, MOST)) ?? (may("resource:read") ? await extentOfShare("/statistics/resource-cells", {}, MOST) : null);
  return found ?? boundsOf(places) ?? extentOfShare("/statistics/report-cells", {}, MOST);
}

/** The extent of all reports and resources that pass the filters; null where there are none. */
export async function wholeExtent({ reports, resources }) {
  const extents = await Promise.all([
    extentOfShare("/statistics/report-cells", reports, 1),
    may("resource:read") ? extentOfShare("/statistics/resource-cells", resources, 1) : null,
  ]);
  return extentOf(extents.filter(Boolean));
}

/** The extent of the fullest cells that hold such a share of the things. */
async function extentOfShare(path, filters, share) {
  const { total, features: cells } = await features(path, { ...filters, bbox: WORLD, cell_size: CELL });
  const kept = [];
  let count = 0;
  for (const { properties } of cells) {
    if (count >= Math.ceil(share * total)) break; // the fullest come first
    count += properties.count;
    const [west, south, east, north] = properties.bbox;
    kept.push({ west, south, east, north });
  }
  return extentOf(kept);
}
