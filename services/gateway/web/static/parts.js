// What people add to a report, in its dialog: files and comments.

import { call, download } from "./api.js";
import { catalogue, may } from "./catalogue.js";
import { make, moment, sayProblem, show, size } from "./dom.js";
import { Draft } from "./drafts.js";
import { onSubmit } from "./forms.js";

const PAGE = 50;
const ACCEPTED = "image/*,video/*,audio/*,application/pdf";
const KEPT = 60_000; // milliseconds for which the browser is given to save a file

/** The sections of a report's files and comments, with the forms to add some for who may. */
export const partsOf = (report) =>
  Promise.all([
    part("Files", `/reports/${report.id}/attachments`, (file) => fileEntry(file, report), mayAttach(report) ? fileFields(report) : null),
    part("Comments", `/reports/${report.id}/comments`, commentEntry, may("report:comment", report.region_id) ? commentFields(report) : null),
  ]);

/** Whether the one who is signed in may correct the report: their own while it is pending, or those of the region. */
export function mayEdit(report) {
  const isOwn = report.user_id === catalogue.me.id && report.status === "pending" && may("report:update_own", report.region_id);
  return isOwn || may("report:update", report.region_id);
}

const mayAttach = (report) => may("report:attach", report.region_id) && mayEdit(report);

async function part(title, path, entry, fields) {
  const list = make("ul", { class: "parts", "aria-live": "polite" });
  const add = (thing) => list.append(make("li", {}, ...entry(thing)));
  const more = await furtherPages(title.toLowerCase(), path, (items) => items.forEach(add));
  return make("section", { "aria-label": title }, make("h3", { text: title }), list, more, fields && adding(path, fields, add));
}

/**
 * Loads the first page of something that belongs to a report.
 *
 * @param {string} noun what the things are called
 * @param {string} path of the list
 * @param {(items: object[], isLast: boolean) => void} add takes each page
 * @param {object} [filters] of the list
 * @returns {Promise<HTMLElement>} what says how much is shown, with the button that loads more
 */
export async function furtherPages(noun, path, add, filters = {}) {
  let cursor = "";
  let shown = 0;
  const said = make("span", { class: "hint", role: "status" });
  const problem = make("span", { class: "wrong", role: "alert" });
  const button = make("button", { type: "button", class: "quiet", text: `Show more ${noun}`, on: { click: () => load().catch((refused) => { problem.textContent = refused.message; }) } });
  const more = make("p", { class: "further" }, said, button, problem);
  async function load() {
    const page = await call("GET", path, { query: { ...filters, cursor, limit: PAGE } });
    cursor = page.next_cursor;
    shown += page.items.length;
    add(page.items, !cursor);
    problem.textContent = "";
    said.textContent = `The first ${shown} ${noun}; there are more.`;
    show(more, Boolean(cursor));
  }
  await load();
  return more;
}

/** The form that adds a thing; what it is made of is sent as one key says, so that a second try makes no second thing. */
function adding(path, { name, inputs, label, body }, add) {
  const problem = make("p", { class: "problem", role: "alert", "data-problem": true, hidden: true });
  const sending = make("p", { class: "hint", role: "status" });
  const form = make("form", { class: "adding", novalidate: true }, problem, ...inputs, make("button", { class: "primary", text: label }), sending);
  const draft = new Draft(form);
  draft.open(name);
  onSubmit(form, async () => {
    sending.textContent = "Sending…";
    const onProgress = (share) => {
      sending.textContent = `Sending… ${Math.round(100 * share)} %`;
    };
    try {
      const attempt = draft.attempt(() => body(form));
      add(await call("POST", path, attempt.body instanceof FormData ? { ...attempt, onProgress } : attempt));
      draft.clear();
    } finally {
      sending.textContent = "";
    }
  });
  return form;
}

const field = (input, text) => make("div", { class: "field" }, make("label", { for: input.id, text }), input);

// --- comments ---

function commentEntry(comment) {
  const who = comment.user_id === catalogue.me.id ? "you" : "";
  return [
    make("p", { class: "about", text: [moment(comment.created_at), who].filter(Boolean).join(" · ") }),
    make("p", { class: "text", text: comment.content }),
  ];
}

const commentFields = (report) => ({
  name: `comment:${report.id}`,
  inputs: [field(make("textarea", { id: "comment", name: "content", rows: 2 }), "Comment")],
  label: "Add the comment",
  body: (form) => ({ content: form.elements.content.value }),
});

// --- files ---

function fileEntry(file, report) {
  const problem = make("p", { class: "problem", role: "alert", hidden: true });
  const open = () => save(file).then(() => sayProblem(problem, null), (refused) => sayProblem(problem, refused));
  return [
    make("button", { type: "button", class: "quiet", text: file.file_name, on: { click: open } }),
    make("span", { class: "about", text: [size(file.file_size), moment(file.uploaded_at)].join(" · ") }),
    ...(file.position && mayEdit(report) ? [offeredPlace(file.position, report, problem)] : []),
    problem,
  ];
}

/** Where a photo says that it was taken, as it is attached: whoever attaches it may make that the place of the report. */
export function offeredPlace({ coordinates }, report, problem) {
  const [longitude, latitude] = coordinates;
  const take = async () => {
    const { version, location } = await call("GET", `/reports/${report.id}`);
    await call("PATCH", `/reports/${report.id}`, { version, body: { location: { ...location, type: "Point", coordinates } } });
    offer.replaceChildren("The report is now where the photo was taken.");
  };
  const click = () => take().then(() => sayProblem(problem, null), (refused) => sayProblem(problem, refused));
  const offer = make(
    "span",
    { class: "about" },
    `The photo was taken at ${latitude.toFixed(5)}, ${longitude.toFixed(5)}; the position was removed from the file. `,
    make("button", { type: "button", class: "quiet", text: "Use it as the location of the report", on: { click } }),
  );
  return offer;
}

const fileFields = (report) => ({
  name: `file:${report.id}`,
  inputs: [field(make("input", { type: "file", id: "file", name: "file", accept: ACCEPTED }), "Picture, recording, video or PDF")],
  label: "Attach the file",
  body: (form) => new FormData(form),
});

/** Has the browser save a file; its address needs the token, which no link can send. */
async function save({ id, file_name: name }) {
  const address = URL.createObjectURL(await download(`/attachments/${id}/content`));
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), KEPT);
}
