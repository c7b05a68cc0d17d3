// How a collection does: documents by state, what waits, what failed and why, streams, and the index that answers.

import { ask } from "./api.js";
import { byId, facts, link, make, notice } from "./dom.js";
import { counted, duration, number, time } from "./words.js";

const STATES = ["indexed", "unchanged", "pending", "processing", "retrying", "quarantined", "deleted", "superseded"];
const WITH_REASON = ["quarantined", "retrying"];
const EVERY_MS = 15_000;
const SHOWN = 20;

/** Show the chosen collection, again every while and on `refresh`; `load()` returns its figures. */
export function health(load) {
  const container = byId("health");
  let state = null;
  let asked = 0;

  async function refresh() {
    const mine = asked += 1;
    let figures;
    let documents = null;
    try {
      figures = await load();
      state ??= figures?.documents?.quarantined ? "quarantined" : null;
      if (figures?.documents && state) documents = await listed(figures.name, state);
    } catch (error) {
      if (mine === asked) container.replaceChildren(notice(error));
      return;
    }
    if (mine !== asked) return;
    const focused = container.contains(document.activeElement) ? document.activeElement.dataset.name : null;
    const open = [...container.querySelectorAll("details[open]")].map((each) => each.dataset.name);
    container.replaceChildren(...(figures ? shown(figures, documents) : [make("p", { textContent: "No collection is chosen." })]));
    for (const each of container.querySelectorAll("details")) each.open ||= open.includes(each.dataset.name);
    if (focused) container.querySelector(`[data-name="${CSS.escape(focused)}"]`)?.focus();
  }

  function shown(figures, documents) {
    return [
      ...figures.stopped_sources.map(stopped),
      figures.documents === null
        ? make("p", { className: "hint", textContent: "Figures count documents of every group, so a key with groups sees none." })
        : [byState(figures.documents), fresh(figures), documents ? documentList(documents) : null],
      streams(figures), index(figures.index),
    ].flat().filter(Boolean);
  }

  function byState(documents) {
    const there = STATES.filter((each) => documents[each] || each === "indexed");
    return make("ul", { className: "states", attributes: { "aria-label": "Documents by state" } }, there.map((each) => {
      const button = make("button", {
        type: "button", className: `state ${each}`, onclick: () => { state = state === each ? "" : each; refresh(); },
        attributes: { "aria-pressed": String(state === each) },
      }, make("span", { className: "count", textContent: number(documents[each] ?? 0) }), ` ${each}`);
      button.dataset.name = `state-${each}`;
      return make("li", {}, button);
    }));
  }

  function documentList({ documents, next_after: more }) {
    const title = WITH_REASON.includes(state) ? `Why documents are ${state}` : `Documents that are ${state}`;
    const rows = documents.map((each) => documentRow(each, refresh));
    return make("div", { className: "listed" }, make("h3", { textContent: title }),
      rows.length ? make("ul", { className: "documents" }, rows) : make("p", { className: "hint", textContent: "None." }),
      more ? make("p", { className: "hint", textContent: `The first ${SHOWN}; 'rag documents' lists all.` }) : null);
  }

  byId("refresh").addEventListener("click", refresh);
  setInterval(() => { if (document.visibilityState === "visible" && byId("key").hidden) refresh(); }, EVERY_MS);
  return { refresh, reset: () => { state = null; return refresh(); } };
}

const listed = (collection, state) =>
  ask(`/v1/documents?${new URLSearchParams({ collection, state, limit: SHOWN })}`);

function documentRow(row, refresh) {
  const why = row.reason ?? row.stale;
  const said = make("div", { attributes: { role: "status" } });
  const again = make("button", {
    type: "button", textContent: "Try again", attributes: { "aria-label": `Try ${row.key} again` },
    onclick: async () => {
      try {
        await ask(`/v1/documents/${row.document_id}/retry`, { body: {} });
        refresh();
      } catch (error) {
        said.replaceChildren(notice(error));
      }
    },
  });
  again.dataset.name = `again-${row.document_id}`;
  return make("li", {},
    make("div", { className: "head" }, make("strong", { textContent: row.key }), WITH_REASON.includes(row.state) ? again : null),
    why ? make("p", {}, make("code", { textContent: why.kind }), ` ${why.message}`) : null,
    why?.remedy ? make("p", { className: "remedy", textContent: why.remedy }) : null,
    row.due_at ? make("p", { className: "hint", textContent: `Tried again at ${time(row.due_at)}, ${counted(row.attempts, "attempt")} so far.` }) : null,
    row.indexed && why ? make("p", { className: "hint" }, "An older version goes on answering, made by ",
      link(`run ${row.indexed.made_by.run_id}`, row.indexed.made_by.run_url), ".") : null,
    said);
}

function fresh({ waiting, oldest_waiting_s: oldest, waiting_to_be_sent: unsent }) {
  const all = waiting ? `${counted(waiting, "arrival")} waiting, the oldest for ${duration(oldest ?? 0)}` : "Nothing waits: every arrival is dealt with.";
  return make("p", { className: "fresh" }, all, unsent ? `; ${counted(unsent, "message")} not sent to Kafka yet` : "");
}

function stopped(stop) {
  return notice({ message: `The source ${stop.source} has stopped (${stop.kind}): ${stop.reason}`, remedy: "'rag sources confirm' lets it go on." });
}

function streams({ streams: all }) {
  if (all.length === 0) return null;
  const head = ["Topic", "Left to read", "Rate", "Dead", "Newest"];
  const troubles = all.filter((stream) => stream.trouble).map((stream) =>
    notice({ message: `The stream ${stream.name} is not read at present: ${stream.trouble.reason}` }));
  const unread = (stream) => stream.topics.length ? [] : [[stream.name, "not read yet", "", "", ""]];
  const rows = all.flatMap((stream) => unread(stream).concat(stream.topics.map((topic) => {
    const sum = (field) => topic.partitions.reduce((total, each) => total + each[field], 0);
    const ages = topic.partitions.map((each) => each.newest_message_age_s).filter((age) => age !== null);
    const lag = stream.stops.length || stream.trouble ? "unknown" : number(sum("lag"));
    return [`${stream.name}: ${topic.topic}`, lag, `${number(Math.round(sum("records_per_s")))}/s`,
      number(sum("dead_letters")), ages.length ? `${duration(Math.min(...ages))} ago` : "none yet"];
  })));
  return make("div", { className: "listed" }, make("h3", { textContent: "Streams" }), troubles,
    make("div", { className: "scrolled", tabIndex: 0, attributes: { role: "region", "aria-label": "Streams" } }, make("table", {},
      make("thead", {}, make("tr", {}, head.map((each) => make("th", { scope: "col", textContent: each })))),
      make("tbody", {}, rows.map(([first, ...others]) => make("tr", {},
        make("th", { scope: "row", textContent: first }), others.map((each) => make("td", { textContent: each }))))))));
}

function index(served) {
  if (served === null) return make("p", { className: "hint", textContent: "No index answers for it yet." });
  const details = make("details", {}, make("summary", { textContent: "Index" }), facts([
    ["Name", make("code", { textContent: served.name })],
    ["Model", served.model_identity],
    ["Dimensions", number(served.dimension)],
    ["Points", served.points === null ? null : number(served.points)],
    ["Filters", Object.entries(served.filter_fields).map(([field, type]) => `${field} (${type})`).join(", ")],
  ]));
  details.dataset.name = "index";
  return details;
}
