// What people add to a report, in its dialog: files and comments.

import { call, download, newKey } from "./api.js";
import { catalogue, may } from "./catalogue.js";
import { make, moment, sayProblem, show } from "./dom.js";
import { onSubmit } from "./forms.js";

const PAGE = 50;
const ACCEPTED = "image/*,video/*,audio/*,application/pdf";
const KEPT = 60_000; // milliseconds for which the browser is given to save a file

/** The sections of a report's files and comments, with the forms to add some for who may. */
export const partsOf = (report) =>
  Promise.all([
    part("Files", `/reports/${report.id}/attachments`, fileEntry, mayAttach(report) ? fileFields() : null),
    part("Comments", `/reports/${report.id}/comments`, commentEntry, may("report:comment", report.region_id) ? commentFields() : null),
  ]);

function mayAttach(report) {
  const isOwn = report.user_id === catalogue.me.id && report.status === "pending" && may("report:update_own", report.region_id);
  return may("report:attach", report.region_id) && (isOwn || may("report:update", report.region_id));
}

async function part(title, path, entry, fields) {
  const list = make("ul", { class: "parts", "aria-live": "polite" });
  const add = (thing) => list.append(make("li", {}, ...entry(thing)));
  let cursor = "";
  const more = make("button", { type: "button", class: "quiet", text: `More ${title.toLowerCase()}`, on: { click: () => load() } });
  async function load() {
    const page = await call("GET", path, { query: { cursor, limit: PAGE } });
    page.items.forEach(add);
    cursor = page.next_cursor;
    show(more, Boolean(cursor));
  }
  await load();
  return make("section", { "aria-label": title }, make("h3", { text: title }), list, more, fields && adding(path, fields, add));
}

/** The form that adds a thing; what it is made of is sent as one key says, so that a second try makes no second thing. */
function adding(path, { inputs, label, body }, add) {
  const problem = make("p", { class: "problem", role: "alert", "data-problem": true, hidden: true });
  const sending = make("p", { class: "hint", role: "status" });
  const form = make("form", { class: "adding", novalidate: true }, problem, ...inputs, make("button", { class: "primary", text: label }), sending);
  let key = newKey();
  form.addEventListener("change", () => {
    key = newKey();
  });
  onSubmit(form, async () => {
    sending.textContent = "Sending…";
    try {
      add(await call("POST", path, { body: body(form), key }));
      key = newKey();
      form.reset();
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

const commentFields = () => ({
  inputs: [field(make("textarea", { id: "comment", name: "content", rows: 2 }), "Comment")],
  label: "Add the comment",
  body: (form) => ({ content: form.elements.content.value }),
});

// --- files ---

function fileEntry(file) {
  const problem = make("p", { class: "problem", role: "alert", hidden: true });
  const open = () => save(file).then(() => sayProblem(problem, null), (refused) => sayProblem(problem, refused));
  return [
    make("button", { type: "button", class: "quiet", text: file.file_name, on: { click: open } }),
    make("span", { class: "about", text: [size(file.file_size), moment(file.uploaded_at)].join(" · ") }),
    problem,
  ];
}

const fileFields = () => ({
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

const size = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
