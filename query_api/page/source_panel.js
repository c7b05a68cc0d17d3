// A citation at its place: the passage within the text around it, where it stands, and where its vector comes from.

import { ask } from "./api.js";
import { byId, facts, link, make, notice, unseen } from "./dom.js";
import { flowing, place, time, titleOf } from "./words.js";

const REACH = 2;
const MORE = 6;
const MAX_REACH = 20;
const DIGEST_CHARACTERS = 19;

/** Return what opens and closes the panel. */
export function sourcePanel() {
  const panel = byId("source");
  let opener = null;

  function close({ focus = true } = {}) {
    if (panel.hidden) return;
    panel.hidden = true;
    panel.replaceChildren();
    document.body.classList.remove("with-source");
    if (focus && opener?.isConnected) opener.focus();
    opener = null;
    markOpen(null);
  }

  function open(cited, quotes, by) {
    opener = by;
    const title = make("h2", { id: "source-title", tabIndex: -1 },
      make("span", { className: "number", textContent: cited.number, attributes: { "aria-hidden": "true" } }),
      unseen(`Source ${cited.number}: `), titleOf(cited));
    const text = make("div", {});
    panel.replaceChildren(
      make("div", { className: "head" }, title,
        make("button", { type: "button", textContent: "Close", onclick: () => close() })),
      place(cited) === titleOf(cited) ? "" : make("p", { className: "place", textContent: place(cited) }),
      text, ...about(cited));
    panel.hidden = false;
    markOpen(cited.number);
    document.body.classList.add("with-source");
    title.focus();
    showAround(text, cited, quotes, REACH);
  }

  panel.addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });
  return { open, close };
}

/** Show in the list of sources which one is open. */
function markOpen(number) {
  for (const each of byId("citations").querySelectorAll("button")) {
    if (each.dataset.number === String(number)) each.setAttribute("aria-current", "true");
    else each.removeAttribute("aria-current");
  }
}

async function showAround(container, cited, quotes, reach) {
  container.replaceChildren(reader([passage(cited, quotes)], true));
  let found = { chunks: [], total: 0 };
  let trouble = null;
  try {
    found = await ask(`/v1/documents/${cited.document_id}/chunks?around=${cited.ordinal}&reach=${reach}`);
  } catch (error) {
    trouble = notice(error);
  }
  if (!container.isConnected) return;
  const at = found.chunks.findIndex((chunk) => chunk.ordinal === cited.ordinal && chunk.text === cited.text);
  if (at < 0) {
    const changed = { message: "The document has changed since: this is the passage as it was when the answer was written." };
    container.replaceChildren(reader([passage(cited, quotes)], false), trouble ?? notice(changed, "warn"));
    return;
  }
  const parts = found.chunks.map((chunk, index) => (index === at ? passage(cited, quotes) : neighbour(found.chunks, index, at, cited)));
  const first = found.chunks[0].ordinal;
  const last = found.chunks.at(-1).ordinal;
  const whole = first === 0 && last >= found.total - 1;
  const more = make("button", {
    type: "button", textContent: "Show more around it", disabled: reach >= MAX_REACH,
    onclick: async () => {
      await showAround(container, cited, quotes, Math.min(MAX_REACH, reach + MORE));
      container.querySelector(".reader")?.focus();
    },
  });
  container.replaceChildren(reader(parts, false), make("p", { className: "row hint" },
    `Parts ${first + 1} to ${last + 1} of ${Math.max(found.total, last + 1)}`, whole ? null : more));
  centre(container);
}

function reader(parts, isLoading) {
  const label = { role: "region", "aria-label": "Text of the document", "aria-busy": String(isLoading) };
  return make("div", { className: "reader", tabIndex: 0, attributes: label }, parts);
}

/** Return the cited passage; `quotes` are the spans of it that the answer quotes. */
function passage(cited, quotes) {
  const characters = [...readable(cited.text, cited)];  // spans count characters, JavaScript's strings halves of some
  const shown = [];
  let at = 0;
  for (const { start, end } of [...quotes].sort((a, b) => a.start - b.start)) {
    if (start < at || end > characters.length) continue;
    shown.push(characters.slice(at, start).join(""), make("mark", { textContent: characters.slice(start, end).join("") }));
    at = end;
  }
  shown.push(characters.slice(at).join(""));
  return make("div", { className: "cited" }, unseen("Cited passage: "), ...shown, unseen(" End of the cited passage."));
}

/** Return a chunk beside the cited one, without what a chunk nearer to it shows already. */
function neighbour(chunks, index, at, cited) {
  const chunk = chunks[index];
  const characters = [...readable(chunk.text, cited)];
  const nearer = chunks[index < at ? index + 1 : index - 1].span;
  const overlap = index < at ? chunk.span.end - nearer.start : nearer.end - chunk.span.start;
  const shared = characters.length === chunk.span.end - chunk.span.start ? Math.max(0, overlap) : 0;
  const own = index < at ? characters.slice(0, characters.length - shared) : characters.slice(shared);
  const before = chunks[index - 1]?.anchor?.name;
  const anchor = chunk.anchor && chunk.anchor.name !== before ? make("span", { className: "anchor", textContent: chunk.anchor.name }) : null;
  return make("div", { className: "near" }, anchor, own.join(""));
}

/** Return a text of as many characters, the lines of a PDF's pages joined. */
const readable = (text, { media_type: type }) => (type === "application/pdf" ? flowing(text) : text);

function centre(container) {
  const text = container.querySelector(".reader");
  const cited = container.querySelector("mark") ?? container.querySelector(".cited");
  text.scrollTop += cited.getBoundingClientRect().top - text.getBoundingClientRect().top - text.clientHeight / 4;
}

function about(cited) {
  const { lineage, scores } = cited;
  const by = ({ arrival, run_id: id, run_url: url }) =>
    [link(id ? `run ${id}` : "unknown run", url), arrival === null ? "" : `, arrival ${arrival}`];
  const shown = [facts([
    ["Document", make("code", { textContent: cited.uri })],
    ["Version", make("code", { textContent: shortened(cited.version), title: cited.version })],
    ["Characters", `${cited.span.start}–${cited.span.end}`],
    ["Score", `${cited.score.toFixed(3)} (meaning ${score(scores.dense)}, words ${score(scores.sparse)})`],
    ["Also at", also(cited.also_at)],
  ])];
  shown.push(make("h3", { textContent: "Where it comes from" }), facts([
    ["Vector made by", by(lineage.made_by)],
    ["Made at", time(lineage.made_at)],
    ["Confirmed by", by(lineage.confirmed_by)],
    ["Model", lineage.model],
    ["Parser", lineage.parser],
    ["Code", lineage.code_version],
  ]));
  return shown;
}

const shortened = (version) => (version.length > DIGEST_CHARACTERS ? `${version.slice(0, DIGEST_CHARACTERS)}…` : version);
const score = (value) => (value === null ? "none" : value.toFixed(2));
const also = (places) => (places.length === 0 ? null
  : make("ul", {}, places.map((each) => make("li", { textContent: [titleOf(each), place(each)].filter(Boolean).join(", ") }))));
