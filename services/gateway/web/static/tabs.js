// The tabs beside the map, as the ARIA Authoring Practices describe them: arrow keys move, Tab goes on.

const tabs = [...document.querySelectorAll('[role="tab"]')];
const panelOf = (tab) => document.getElementById(tab.getAttribute("aria-controls"));

export const isChosen = (name) => document.getElementById(`tab-${name}`).getAttribute("aria-selected") === "true";

export function choose(name, { focus = false } = {}) {
  for (const tab of tabs) {
    const isIt = tab.id === `tab-${name}`;
    tab.setAttribute("aria-selected", String(isIt));
    tab.tabIndex = isIt ? 0 : -1;
    panelOf(tab).hidden = !isIt;
    if (isIt && focus) tab.focus();
    if (isIt) tab.dispatchEvent(new Event("chosen", { bubbles: true }));
  }
}

const nameOf = (tab) => tab.id.slice("tab-".length);

for (const tab of tabs) {
  tab.addEventListener("click", () => choose(nameOf(tab)));
  tab.addEventListener("keydown", (event) => {
    const usable = tabs.filter((one) => !one.hidden);
    const place = usable.indexOf(tab);
    const next = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: -1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    choose(nameOf(usable.at(next % usable.length)), { focus: true });
  });
}
