// Where areas lie on a round Earth: their extents across the antimeridian, and the turn at which they are drawn.

const TURN = 360;

/** The outer rings' boxes of a GeoJSON Polygon or MultiPolygon that is cut at the antimeridian. */
export function boxesOf({ type, coordinates }) {
  const polygons = type === "MultiPolygon" ? coordinates : [coordinates];
  return polygons.map(([ring]) => {
    const box = { west: Infinity, south: Infinity, east: -Infinity, north: -Infinity };
    for (const [longitude, latitude] of ring) {
      box.west = Math.min(box.west, longitude);
      box.east = Math.max(box.east, longitude);
      box.south = Math.min(box.south, latitude);
      box.north = Math.max(box.north, latitude);
    }
    return box;
  });
}

/** The narrowest extent that holds all boxes; its east is over 180 where it crosses the antimeridian. Null of none. */
export function extentOf(boxes) {
  if (!boxes.length) return null;
  const spans = boxes.map(({ west, east }) => [west, east]).sort(([one], [other]) => one - other);
  const merged = [[...spans[0]]];
  for (const [west, east] of spans.slice(1)) {
    const last = merged[merged.length - 1];
    if (west <= last[1]) last[1] = Math.max(last[1], east);
    else merged.push([west, east]);
  }
  // The extent leaves out the widest gap; of equal ones that at the antimeridian.
  let widest = merged.length - 1;
  const gapAfter = (at) => (at + 1 < merged.length ? merged[at + 1][0] : merged[0][0] + TURN) - merged[at][1];
  for (let at = merged.length - 2; at >= 0; at -= 1) if (gapAfter(at) > gapAfter(widest)) widest = at;
  const west = merged[(widest + 1) % merged.length][0];
  const east = merged[widest][1];
  return {
    west,
    east: east < west ? east + TURN : east,
    south: Math.min(...boxes.map((box) => box.south)),
    north: Math.max(...boxes.map((box) => box.north)),
  };
}

/** The extent of GeoJSON features that have a geometry; null where none has. */
export const boundsOf = (areas) => extentOf(areas.filter(({ geometry }) => geometry).flatMap(({ geometry }) => boxesOf(geometry)));

/** The whole turns, in degrees, that bring a longitude nearest to another. */
export const turnTo = (longitude, centre) => TURN * Math.round((centre - longitude) / TURN);

/** A longitude of an area within the area's extent, which may go on beyond 180. */
export const within = (longitude, { west }) => (longitude < west ? longitude + TURN : longitude);
