// The page: which collection is chosen, and what happens when it, or the key, changes.

import { ask } from "./api.js";
import { askForm } from "./asking.js";
import { byId, make, notice } from "./dom.js";
import { health } from "./health.js";
import { keyField } from "./key_field.js";
import { sourcePanel } from "./source_panel.js";
import { uploadArea } from "./uploading.js";

const choice = byId("collection");
const chosen = () => choice.value;
const source = sourcePanel();
const asking = askForm({ collection: chosen, openSource: source.open, closeSource: () => source.close({ focus: false }) });
const figures = health(async () => (await collections()).find((each) => each.name === chosen()) ?? null);

/** Return the collections; the choice offers those there are now. */
async function collections() {
  const { collections: all } = await ask("/v1/collections");
  const names = all.map((each) => each.name);
  const offered = [...choice.options].map((option) => option.value).filter(Boolean);
  if (names.join() !== offered.join()) offer(names);
  byId("notice").replaceChildren(...(names.length ? [] : [notice({
    message: "There is no collection yet.", remedy: "Put a YAML file under collections/ and let its first documents in.",
  }, "warn")]));
  return all;
}

function offer(names) {
  const wanted = chosen() || new URLSearchParams(location.hash.slice(1)).get("collection");
  const options = names.map((name) => make("option", { value: name, textContent: name }));
  choice.replaceChildren(...(options.length ? options : [make("option", { value: "", textContent: "none yet" })]));
  choice.value = names.includes(wanted) ? wanted : names[0] ?? "";
  choice.disabled = names.length === 0;
  entitle();
}

function entitle() {
  byId("health-title").textContent = chosen() ? `Collection ${chosen()}` : "Collection";
  if (chosen()) history.replaceState(null, "", `#collection=${encodeURIComponent(chosen())}`);
}

choice.addEventListener("change", () => { entitle(); figures.reset(); });
keyField(() => { asking.stop(); source.close({ focus: false }); figures.reset(); });
uploadArea({ collection: chosen, onChange: figures.refresh });
figures.reset();
