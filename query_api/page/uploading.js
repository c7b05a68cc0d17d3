// Files into the chosen collection, one after the other, each with its job until that is done.

import { ask, events, upload } from "./api.js";
import { byId, link, make, notice } from "./dom.js";
import { bytes } from "./words.js";

const FINAL = ["Completed", "Failed"];
const AGAIN_MS = 2000;
const TRIES = 30;

/** `collection()` names where files go; `onChange` is called when a job began or ended. */
export function uploadArea({ collection, onChange }) {
  const area = byId("drop");
  const field = byId("files");
  let sending = Promise.resolve();

  function take(files) {
    for (const file of files) {
      const row = new Row(file);
      byId("jobs").prepend(row.node);
      const into = collection();
      sending = sending.then(() => send(row, file, into, onChange));
    }
  }

  field.addEventListener("change", () => { take(field.files); field.value = ""; });
  for (const name of ["dragenter", "dragover"]) {
    area.addEventListener(name, (event) => { event.preventDefault(); area.classList.add("over"); });
  }
  area.addEventListener("dragleave", (event) => { if (!area.contains(event.relatedTarget)) area.classList.remove("over"); });
  area.addEventListener("drop", (event) => {
    event.preventDefault();
    area.classList.remove("over");
    take(event.dataTransfer.files);
  });
}

async function send(row, file, collection, onChange) {
  if (!collection) {
    row.fail({ message: "No collection is chosen." });
    return;
  }
  try {
    const answer = await upload(`/v1/documents?${new URLSearchParams({ collection })}`, file, (share) => row.progress(share));
    row.show(answer.jobs[0]);
    onChange();
    watch(row, answer.jobs[0]).then(onChange);
  } catch (error) {
    row.fail(error);
  }
}

/** Show a job's states until it is done; a stream that ends before is opened again. */
async function watch(row, job) {
  let now = job;
  for (let tries = 0; tries < TRIES && !FINAL.includes(now.status); tries += 1) {
    try {
      for await (const { name, data } of events(`/v1/jobs/${job.job_id}/events`)) {
        if (name !== "job") continue;
        now = data;
        tries = 0;
        row.show(now);
      }
      if (FINAL.includes(now.status)) return;
    } catch (error) {
      if (error.status >= 400 && error.status < 500 && error.status !== 429) {
        row.fail(error);
        return;
      }
    }
    await new Promise((wake) => setTimeout(wake, AGAIN_MS));
    try { now = await ask(`/v1/jobs/${job.job_id}`); row.show(now); } catch { /* the next look says so */ }
  }
  if (!FINAL.includes(now.status)) row.lose();
}

/** A file in the list of jobs; what happens to it is said to screen readers, too. */
class Row {
  constructor(file) {
    this.name = file.name;
    this.status = make("span", { className: "status", textContent: "Sending" });
    this.bar = make("progress", { max: 1, value: 0, attributes: { "aria-label": `${file.name}, sent so far` } });
    this.said = make("div", { className: "said" });
    this.node = make("li", {}, make("div", { className: "head" },
      make("strong", { textContent: file.name }), make("span", { className: "hint", textContent: bytes(file.size) }), this.status),
    this.bar, this.said);
  }

  progress(share) { this.bar.value = share; }

  show(job) {
    this.bar.remove();
    this.#state(job.status, job.message);
    this.said.replaceChildren(make("p", { className: "hint" }, job.message, job.run_url ? " " : "", job.run_url ? link("The run", job.run_url) : ""),
      job.reason?.remedy ? make("p", { className: "remedy", textContent: job.reason.remedy }) : "");
  }

  fail(problem) {
    this.bar.remove();
    this.#state("Failed", problem.message);
    this.said.replaceChildren(notice(problem));
  }

  lose() {
    const remedy = "Load the page again to see the collection's figures.";
    this.said.replaceChildren(notice({ message: "The server stopped answering; the file goes its way unwatched.", remedy }, "warn"));
  }

  #state(status, message) {
    if (this.status.textContent === status) return;
    this.status.textContent = status;
    this.status.className = `status ${status.toLowerCase()}`;
    byId("upload-status").textContent = `${this.name}: ${status}. ${message}`;
  }
}
