// The map: regions, reports (cells of many, or one by one), resources and alerts. It works without tiles.

import { alertMark, alertTitle, catalogue, cellMark, may, resourceCellMark, resourceMark, severityMark, severityOf } from "./catalogue.js";
import { features, keptFeatures } from "./api.js";
import { find, make, once } from "./dom.js";
import { boundsOf as areaOf, turnTo, within } from "./extents.js";

const L = window.L;
const LISTED = 300; // up to so many reports, or resources, are shown one by one,
const CROWD = 4; // unless more of them than this lie in one cell
const NEAR_ZOOM = 11; // where even a crowd is shown one by one
const REFINED = 20; // regions at once
const FIRST_ZOOM = 11; // at most
const NEAREST_ZOOM = 18;
const MARGIN = 20; // pixels around what is looked at
const GRATICULE = 10; // degrees
const ROUGH_PIXELS = { overview: 500, medium: 2500 }; // a region that is wider on the screen is drawn in more detail,
const FINER = { overview: "medium", medium: "fine" }; // the next
const CELL_AT_ZOOM_0 = 90; // degrees; a cell is then 64 pixels wide at every zoom

export class SituationMap {
  #map;
  #layers;
  #observer;
  #isRemoved = false;
  #attempt = null;
  #pin = null;
  #filters = { reports: {}, resources: {} };
  #said = {};
  #alerts = [];
  #turns = ""; // of the regions, as they are drawn
  #scheme = window.matchMedia("(prefers-color-scheme: dark)");
  #redraw = () => {
    this.#drawRegions();
    this.drawAlerts(this.#alerts, Boolean(this.#said.alerts));
  };

  /** @param {{report: Function, resource: Function, alert: Function, place: Function, shown: Function, moved: Function}} on */
  constructor(element, on) {
    this.on = on;
    this.#map = L.map(element, { worldCopyJump: true, minZoom: 1, maxZoom: NEAREST_ZOOM, attributionControl: false, preferCanvas: true });
    this.#layers = Object.fromEntries(["regions", "names", "alerts", "resources", "reports"].map((name) => [name, L.layerGroup().addTo(this.#map)]));
    this.#map.setView([10, 0], 2, { animate: false });
    L.control.scale({ position: "bottomright", imperial: false }).addTo(this.#map);
    this.#addTiles();
    this.#map.on("click", (event) => on.place(event.latlng.wrap()));
    this.#map.on("moveend", once(120, () => {
      this.load();
      if (this.#isRemoved) return;
      this.#followCentre();
      on.moved();
    }));
    this.#observer = new ResizeObserver(() => this.#map.invalidateSize());
    this.#observer.observe(element);
    this.#scheme.addEventListener("change", this.#redraw);
  }

  remove() {
    this.#isRemoved = true;
    this.#attempt?.abort();
    this.#observer.disconnect();
    this.#scheme.removeEventListener("change", this.#redraw);
    this.#map.stop();
    // Leaflet 1.9 ends the animation of a zoom by a timer, which finds the map gone; only this keeps it from that.
    this.#map._animatingZoom = false;
    this.#map.remove();
  }

  /** Draws the regions and shows what lies in the extent; the world without one. */
  begin(extent) {
    if (extent) this.#fit(boundsOf(extent), { maxZoom: FIRST_ZOOM, animate: false });
    this.#drawRegions();
  }

  #drawRegions() {
    this.#turns = this.#turnsNow();
    this.#layers.regions.clearLayers();
    if (!this.hasTiles) this.#drawGraticule();
    for (const region of catalogue.regions) {
      if (!region.geometry) continue;
      const style = { color: colour("coast"), weight: 1.5, fillColor: colour("land"), fillOpacity: this.hasTiles ? 0.15 : 1 };
      this.#outline(region, style).addTo(this.#layers.regions);
    }
  }

  /** @param {boolean} [areMore] whether there are more than these */
  drawAlerts(alerts, areMore = false) {
    this.#alerts = alerts;
    this.#said.alerts = areMore ? `the ${alerts.length} newest alerts` : "";
    this.#say();
    this.#layers.alerts.clearLayers();
    for (const alert of [...alerts].reverse()) {
      const { polygon, circle } = alert.area ?? {};
      const region = catalogue.regions.find((one) => one.id === alert.region_id);
      const area = polygon ? { type: "Feature", geometry: polygon, properties: {} } : region;
      if (!circle && !area?.geometry) continue;
      const line = colour(`alert-${alert.priority}`);
      const style = { color: line, weight: 3, dashArray: "8 6", fillColor: line, fillOpacity: 0.07 };
      const round = circle && L.circle([circle.lat, this.#nearCentre(circle.lon)], { ...style, radius: 1000 * circle.radius_km, interactive: false });
      this.#layers.alerts.addLayer(round ?? this.#outline(area, style));
      this.#mark("alerts", circle ? [circle.lon, circle.lat] : northernmost(area.geometry), alertMark(alert.priority), alertTitle(alert), () => this.on.alert(alert), 500);
    }
  }

  /** An area in one piece, also where it is cut at the antimeridian, on the side of the Earth that is looked at. */
  #outline(region, style) {
    const extent = this.#extentOf(region);
    const turn = this.#turnOf(region);
    const coordsToLatLng = ([longitude, latitude]) => L.latLng(latitude, within(longitude, extent) + turn);
    return L.geoJSON(region, { style, coordsToLatLng, interactive: false });
  }

  /** Draws the areas anew when the map has been moved around the Earth so far that another turn of them is nearer. */
  #followCentre() {
    if (this.#turnsNow() !== this.#turns) this.#redraw();
  }

  #turnsNow() {
    return catalogue.regions.map((region) => (region.geometry ? this.#turnOf(region) : 0)).join();
  }

  #turnOf(region) {
    const { west, east } = this.#extentOf(region);
    return turnTo((west + east) / 2, this.#map.getCenter().lng);
  }

  get centre() {
    return this.#map.getCenter().wrap();
  }

  /** What is visible as [west, south, east, north]; west over east across the date line. */
  get box() {
    const bounds = this.#map.getBounds();
    const [south, north] = [bounds.getSouth(), bounds.getNorth()].map((degrees) => Math.max(-90, Math.min(90, degrees)));
    const whole = bounds.getEast() - bounds.getWest() >= 360;
    const [west, east] = whole ? [-180, 180] : [wrapped(bounds.getWest()), wrapped(bounds.getEast())];
    return [west, south, east, north].map((degrees) => degrees.toFixed(5)).join(",");
  }

  lookAt(extent) {
    if (extent) this.#fit(boundsOf(extent), { maxZoom: FIRST_ZOOM });
  }

  /** Shows an extent as large as the map allows, as far from behind the legend as there is room beside it. */
  #fit(bounds, { maxZoom, animate }) {
    const zoom = Math.min(maxZoom, this.#map.getBoundsZoom(bounds, false, L.point(2 * MARGIN, 2 * MARGIN)));
    const southWest = this.#map.project(bounds.getSouthWest(), zoom);
    const northEast = this.#map.project(bounds.getNorthEast(), zoom);
    const room = this.#map.getSize().subtract(L.point(northEast.x - southWest.x, southWest.y - northEast.y)).divideBy(2);
    const legend = find("legend");
    const isBehind = legend.open && room.y < legend.offsetHeight;
    const aside = isBehind ? Math.max(0, Math.min(legend.offsetLeft + legend.offsetWidth + MARGIN, 2 * room.x - MARGIN) - room.x) : 0;
    const centre = southWest.add(northEast).divideBy(2).subtract(L.point(aside, 0));
    this.#map.setView(this.#map.unproject(centre, zoom), zoom, { animate });
  }

  lookAtRegion(id) {
    const bounds = this.#boundsOf(catalogue.regions.find((region) => region.id === id));
    if (bounds) this.#fit(bounds, { maxZoom: NEAREST_ZOOM });
  }

  look(longitude, latitude, zoom = 12) {
    this.#map.setView([latitude, longitude], Math.max(zoom, this.#map.getZoom()));
  }

  /** Puts a pin where a report is about to be filed; null takes it away. */
  pin(latitude, longitude) {
    this.#pin?.remove();
    this.#pin = null;
    if (latitude === null) return;
    const icon = L.divIcon({ html: make("span", { class: "pin" }), className: "spot", iconSize: [0, 0] });
    this.#pin = L.marker([latitude, longitude], { icon, keyboard: false, interactive: false, zIndexOffset: 2000 }).addTo(this.#map);
  }

  /** Offers something at a place of the map. */
  offer(place, label, work) {
    const button = make("button", { type: "button", class: "primary", text: label, on: { click: () => { this.#map.closePopup(); work(); } } });
    L.popup({ closeButton: true }).setLatLng(place).setContent(button).openOn(this.#map);
  }

  /** @param {{reports?: object, resources?: object}} filters */
  filter(filters) {
    Object.assign(this.#filters, filters);
    return this.load();
  }

  /** Asks for what is visible: cells first, and the reports themselves where they are not too many. */
  async load() {
    if (this.#isRemoved) return;
    this.#attempt?.abort();
    const attempt = (this.#attempt = new AbortController());
    this.#nameRegions();
    try {
      await Promise.all([
        this.#loadThings("reports", "report", attempt.signal, (report) => this.#drawReport(report), (cell) => this.#drawCell(cell)),
        may("resource:read") && this.#loadThings("resources", "resource", attempt.signal, (one) => this.#drawResource(one), (cell) => this.#drawResourceCell(cell)),
        this.#refine(attempt.signal),
      ]);
    } catch (problem) {
      if (problem.name !== "AbortError" && problem.status !== 401) this.on.shown(problem.message);
    }
  }

  /** Loads the reports, or the resources, in the area of the map: their number by cell, and each where they are few. */
  async #loadThings(things, one, signal, draw, drawCell) {
    const query = { ...this.#filters[things], bbox: this.box };
    const zoom = this.#map.getZoom();
    const cells = await features(`/statistics/${one}-cells`, { ...query, cell_size: CELL_AT_ZOOM_0 / 2 ** zoom }, signal);
    const few = cells.total <= LISTED && (zoom >= NEAR_ZOOM || cells.features.every((cell) => cell.properties.count <= CROWD));
    const listed = few && cells.total ? (await features(`/${things}`, { ...query, limit: LISTED }, signal)).features : [];
    if (signal.aborted) return; // an answer that was there already when the map was removed
    this.#layers[things].clearLayers();
    if (few) listed.forEach(draw);
    else cells.features.forEach(drawCell);
    this.#said[things] = `${cells.total.toLocaleString()} ${cells.total === 1 ? one : things} here${few ? "" : ", by area"}`;
    this.#say();
  }

  #say() {
    const { reports, resources, alerts } = this.#said;
    if (reports) this.on.shown([reports, resources, alerts].filter(Boolean).join(" · "));
  }

  /** Asks for finer outlines of the visible regions that have become large on the screen, and draws these anew. */
  async #refine(signal) {
    const view = this.#map.getBounds();
    const rough = { medium: [], fine: [] };
    for (const region of catalogue.regions) {
      const detail = region.detail ?? "overview";
      const bounds = this.#boundsOf(region);
      if (!bounds || !(detail in FINER) || !view.intersects(bounds)) continue;
      const [west, east] = [bounds.getNorthWest(), bounds.getNorthEast()].map((corner) => this.#map.latLngToContainerPoint(corner).x);
      if (east - west > ROUGH_PIXELS[detail]) rough[FINER[detail]].push(region);
    }
    for (const [detail, regions] of Object.entries(rough)) {
      if (!regions.length) continue;
      // What does not fit into the answer comes with the next movement of the map.
      const codes = regions.slice(0, REFINED).map((region) => region.properties.code).join(",");
      const { features: finer } = await keptFeatures("/regions", { codes, detail, limit: REFINED }, signal);
      if (signal.aborted) return;
      for (const { id, geometry } of finer) Object.assign(catalogue.regions.find((region) => region.id === id) ?? {}, { geometry, detail });
      this.#redraw();
    }
  }

  #drawResource({ id, geometry, properties }) {
    const resource = { id, ...properties };
    this.#mark("resources", geometry.coordinates, resourceMark(resource), resource.name, () => this.on.resource(resource), 0);
  }

  #drawResourceCell({ geometry, properties }) {
    const { count, available_count: available, bbox } = properties;
    const mark = resourceCellMark(count, available);
    const title = count === 1 ? "1 resource" : `${count} resources, ${available} of them available`;
    this.#mark("resources", geometry.coordinates, mark, title, () => this.#open(geometry, bbox), Math.min(count, 99));
  }

  /** Looks at what a cell holds. */
  #open({ coordinates: [longitude] }, [west, south, east, north]) {
    const shift = this.#nearCentre(longitude) - longitude;
    this.#map.fitBounds([[south, west + shift], [north, east + shift]], { padding: [40, 40], maxZoom: NEAREST_ZOOM - 2 });
  }

  #drawReport({ id, geometry, properties }) {
    const { level, name } = severityOf(properties);
    const title = `${properties.title} (${name})`;
    this.#mark("reports", geometry.coordinates, severityMark(level), title, () => this.on.report(id), 100 * level);
  }

  #drawCell({ geometry, properties }) {
    const { count, severity_level: level, bbox } = properties;
    const mark = count === 1 ? severityMark(level) : cellMark(count, level);
    const open = () => this.#open(geometry, bbox);
    this.#mark("reports", geometry.coordinates, mark, count === 1 ? "1 report" : `${count} reports`, open, 100 * level + Math.min(count, 99));
  }

  // Marks are not among the stops of the tab key: hundreds of them would be a trap, and the lists have the same.
  #mark(layer, [longitude, latitude], element, title, open, above) {
    element.title = title;
    const icon = L.divIcon({ html: element, className: "spot", iconSize: [0, 0] });
    const marker = L.marker([latitude, this.#nearCentre(longitude)], { icon, keyboard: false, zIndexOffset: above });
    marker.on("click", open).addTo(this.#layers[layer]);
  }

  #extentOf(region) {
    return (region.extent ??= areaOf([region]));
  }

  #boundsOf(region) {
    return region?.geometry ? boundsOf(this.#extentOf(region), this.#turnOf(region)) : null;
  }

  #nameRegions() {
    this.#layers.names.clearLayers();
    const size = this.#map.getSize();
    for (const region of catalogue.regions) {
      const bounds = this.#boundsOf(region);
      if (!bounds) continue;
      const corner = this.#map.latLngToContainerPoint(bounds.getNorthWest());
      const other = this.#map.latLngToContainerPoint(bounds.getSouthEast());
      const isVisible = other.x > 0 && other.y > 0 && corner.x < size.x && corner.y < size.y;
      if (!isVisible || other.x - corner.x < 12 * region.properties.name.length ** 0.8) continue;
      const icon = L.divIcon({ html: make("span", { class: "region-name", text: region.properties.name }), className: "spot", iconSize: [0, 0] });
      L.marker(bounds.getCenter(), { icon, keyboard: false, interactive: false, zIndexOffset: -1000 }).addTo(this.#layers.names);
    }
  }

  /** Meridians and parallels, by which one sees where one is where there are no tiles. */
  #drawGraticule() {
    const style = { color: colour("graticule"), weight: 1, interactive: false };
    for (let degrees = -540; degrees <= 540; degrees += GRATICULE) {
      L.polyline([[-85, degrees], [85, degrees]], style).addTo(this.#layers.regions);
      if (Math.abs(degrees) < 85) L.polyline([[degrees, -540], [degrees, 540]], style).addTo(this.#layers.regions);
    }
  }

  #addTiles() {
    const url = document.querySelector('meta[name="tile-url"]').content;
    this.hasTiles = Boolean(url);
    if (!url) return;
    L.tileLayer(url, { maxZoom: NEAREST_ZOOM }).addTo(this.#map);
    const credit = document.querySelector('meta[name="tile-attribution"]').content;
    // Leaflet takes attributions for markup, so ours is made harmless first.
    L.control.attribution({ prefix: false }).addAttribution(make("span", { text: credit }).innerHTML).addTo(this.#map);
  }

  /** The longitude, turned around the Earth until it is nearest to what is looked at. */
  #nearCentre(longitude) {
    return longitude + turnTo(longitude, this.#map.getCenter().lng);
  }
}

const boundsOf = ({ west, south, east, north }, turn = 0) => L.latLngBounds([south, west + turn], [north, east + turn]);

function northernmost({ type, coordinates }) {
  const positions = coordinates.flat(type === "MultiPolygon" ? 2 : 1);
  return positions.reduce((best, position) => (position[1] > best[1] ? position : best));
}

/** A colour of the style sheet in the scheme that holds now: what is drawn on a canvas cannot name one itself. */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`);

const wrapped = (longitude) => ((((longitude + 180) % 360) + 360) % 360) - 180;
