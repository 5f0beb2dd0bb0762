// What is chosen stands in the address, so that a reload keeps it and a link shows it to others.

/** The value that the address has for a name; null where it has none. */
export const inAddress = (name) => new URLSearchParams(location.search).get(name);

/**
 * Changes the address without loading anything.
 *
 * @param {Record<string, string|null>} values null takes a name out
 */
export function putInAddress(values) {
  const names = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(values)) {
    if (value === null) names.delete(name);
    else names.set(name, value);
  }
  const said = names.toString();
  if (said !== location.search.slice(1)) history.replaceState(null, "", `${location.pathname}${said ? `?${said}` : ""}`);
}

export const clearAddress = () => history.replaceState(null, "", location.pathname);
