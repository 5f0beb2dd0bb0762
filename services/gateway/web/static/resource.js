// A resource in the dialog.

import { catalogue, regionName } from "./catalogue.js";
import { degrees, lookButton, open } from "./dialog.js";
import { facts, make, words } from "./dom.js";

export function openResource(resource, look) {
  return open(`resource:${resource.id}`, resource.name, async () => {
    const [longitude, latitude] = resource.location.coordinates;
    return [
      facts([
        ["What", catalogue.resourceTypes.get(resource.resource_type_id)?.name],
        ["Status", words(resource.status)],
        ["Available", resource.capacity === null ? "no limit" : `${resource.available_capacity} of ${resource.capacity}`],
        ["Region", regionName(resource.region_id)],
        ["Place", [resource.location.address, degrees(resource.location)].filter(Boolean).join(" – ")],
        ["Contact", [resource.contact_person, resource.contact_phone, resource.contact_email].filter(Boolean).join(", ")],
        ["Note", resource.status_notes],
      ]),
      make("p", { class: "text", text: resource.description ?? "" }),
      lookButton(() => look(longitude, latitude)),
    ];
  });
}
