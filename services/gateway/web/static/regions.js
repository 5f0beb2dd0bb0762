// Regions lie in one another; where one is chosen, they are shown as the tree that they are.

import { make } from "./dom.js";

const byName = new Intl.Collator(undefined, { numeric: true }).compare;

/**
 * The regions in the order of their tree, each with how deep it lies.
 *
 * @param {object[]} regions GeoJSON features
 * @returns {{region: object, depth: number}[]}
 */
export function treeOf(regions) {
  const known = new Set(regions.map(({ id }) => id));
  const below = new Map();
  for (const region of regions) {
    const parent = known.has(region.properties.parent_id) ? region.properties.parent_id : null;
    if (!below.has(parent)) below.set(parent, []);
    below.get(parent).push(region);
  }
  for (const siblings of below.values()) siblings.sort((one, other) => byName(one.properties.name, other.properties.name));
  const ordered = [];
  const pending = (below.get(null) ?? []).map((region) => ({ region, depth: 0 })).reverse();
  while (pending.length) {
    const next = pending.pop();
    ordered.push(next);
    const children = (below.get(next.region.id) ?? []).map((region) => ({ region, depth: next.depth + 1 }));
    pending.push(...children.reverse());
  }
  const placed = new Set(ordered.map(({ region }) => region.id)); // all but those in a circle, which passes
  return [...ordered, ...regions.filter(({ id }) => !placed.has(id)).map((region) => ({ region, depth: 0 }))];
}

/** Puts the regions into a select, behind its first option. */
export function offerRegions(select, regions) {
  while (select.options.length > 1) select.remove(1);
  select.append(
    ...treeOf(regions).map(({ region, depth }) => make("option", { value: region.id, text: `${"\u00a0\u00a0\u00a0".repeat(depth)}${region.properties.name}` })),
  );
}
