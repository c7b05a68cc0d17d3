// A question, its answer as it is written, who wrote it, and the list of its sources.

import { AnswerText } from "./answer_text.js";
import { events, Problem } from "./api.js";
import { byId, make, notice } from "./dom.js";
import { counted, place, titleOf } from "./words.js";

const EXCERPT_CHARACTERS = 180;

/** `collection()` names what is asked; `openSource(citation, quotes, opener)` shows a source. */
export function askForm({ collection, openSource, closeSource }) {
  const question = byId("question");
  const view = {
    article: byId("answer"), title: byId("answer-title"), notice: byId("answer-notice"), text: byId("answer-text"),
    by: byId("answer-by"), sourcesTitle: byId("citations-title"), sources: byId("citations"), status: byId("ask-status"),
  };
  let running = null;

  async function ask() {
    const asked = question.value.trim();
    if (!asked || !collection()) {
      view.status.textContent = asked ? "There is no collection to ask." : "Write a question first.";
      question.focus();
      return;
    }
    running?.abort();
    const mine = running = new AbortController();
    busy(true);
    closeSource();
    const answer = new Answering(view, asked, openSource);
    const body = { collection: collection(), question: asked, stream: true, generation: byId("generation").value };
    try {
      for await (const event of events("/v1/ask", { body, signal: mine.signal })) {
        if (running !== mine) return;  // another question has the view by now
        answer.take(event);
      }
      answer.ended();
    } catch (error) {
      if (running === mine) answer.failed(error);
    }
    if (running === mine) busy(false);
  }

  function busy(is) {
    byId("stop").hidden = !is;
    view.text.setAttribute("aria-busy", String(is));
    if (!is) running = null;
  }

  byId("ask-form").addEventListener("submit", (event) => { event.preventDefault(); ask(); });
  byId("stop").addEventListener("click", () => { running?.abort(); byId("ask").focus(); });
  question.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    ask();
  });
  return { stop: () => running?.abort() };
}

/** One answer in the view: from the passages to the last word, or what went wrong. */
class Answering {
  #passages = new Map();
  #quotes = [];
  #done = false;

  constructor(view, asked, openSource) {
    this.view = view;
    this.openSource = openSource;
    this.text = new AnswerText(view.text, (number) => this.#passages.get(number), (number, opener) => this.#open(number, opener));
    view.title.textContent = asked;
    view.notice.replaceChildren();
    view.by.replaceChildren();
    view.sources.replaceChildren();
    view.sourcesTitle.hidden = true;
    view.article.hidden = false;
    view.status.textContent = "Looking for passages…";
  }

  take({ name, data }) {
    if (name === "passages") {
      this.#know(data.passages);
      this.view.status.textContent = `${counted(data.passages.length, "passage")} found; the answer is being written…`;
    } else if (name === "token") this.text.add(data.text);
    else if (name === "fallback") {
      this.text.clear();
      this.view.status.textContent = "The model did not answer; sentences are being quoted…";
    } else if (name === "answer") this.#show(data);
    else if (name === "problem") throw new Problem(data.detail, data);
  }

  ended() {
    if (!this.#done) throw new Problem("The connection ended before the answer was whole.", { remedy: "Ask again." });
  }

  failed(error) {
    if (this.#done) return;
    this.text.end();
    const stopped = error.name === "AbortError";
    this.view.status.textContent = stopped ? "Stopped." : "";
    if (!stopped) this.view.notice.replaceChildren(make("div", { attributes: { role: "alert" } }, notice(error)));
  }

  #show(answer) {
    this.#done = true;
    this.#know(answer.citations);
    this.#quotes = answer.quotes;
    if (answer.answered) {
      if (this.text.text !== answer.answer) {
        this.text.clear();
        this.text.add(answer.answer);
      }
      this.text.end();
    } else {
      this.text.clear();
      this.view.text.append(make("p", { className: "abstained" }, make("strong", { textContent: "No answer." }), ` ${answer.reason_text}`));
    }
    this.view.by.replaceChildren(...by(answer));
    if (answer.generation.fell_back) {
      const because = answer.generation.because ?? "";
      this.view.notice.replaceChildren(notice({ message: "The chat model did not answer, so sentences are quoted.", remedy: because }, "warn"));
    }
    this.view.sourcesTitle.textContent = answer.answered ? "Sources" : "Nearest passages";
    this.view.sourcesTitle.hidden = answer.citations.length === 0;
    this.view.sources.replaceChildren(...answer.citations.map((cited) => this.#source(cited)));
    this.view.status.textContent = answer.answered
      ? `Answered with ${counted(answer.citations.length, "source")}.` : "There is no answer.";
  }

  #know(passages) {
    for (const each of passages) this.#passages.set(each.number, each);
  }

  #source(cited) {
    const quoted = this.#quotes.filter((quote) => quote.citation === cited.number).map((quote) => quote.text);
    const text = (quoted.length ? quoted.join(" … ") : cited.text).trim().replace(/\s+/g, " ");
    const where = place(cited);
    const button = make("button", {
      type: "button", className: "citation", onclick: (event) => this.#open(cited.number, event.currentTarget),
    },
    make("span", { className: "number", textContent: cited.number, attributes: { "aria-hidden": "true" } }),
    make("span", { className: "titled", textContent: titleOf(cited) }),
    where === titleOf(cited) ? null : make("span", { className: "place", textContent: where }),
    make("span", { className: "excerpt", textContent: text.length > EXCERPT_CHARACTERS ? `${text.slice(0, EXCERPT_CHARACTERS)}…` : text }));
    button.dataset.number = cited.number;
    return make("li", {}, button);
  }

  #open(number, opener) {
    const spans = this.#quotes.filter((quote) => quote.citation === number).map((quote) => quote.span);
    this.openSource(this.#passages.get(number), spans, opener);
  }
}

/** Return who answered, how sure the search was, and what it cost. */
function by({ answered, generation, usage, confidence, threshold }) {
  const wrote = generation.mode === "model" ? `Written by ${generation.model}` : "Quoted word for word";
  const silent = generation.model ? `Asked: ${generation.model}` : "No model was asked";
  const said = [
    make("span", { className: "who", textContent: answered ? wrote : silent }),
    make("span", { textContent: `confidence ${confidence.toFixed(3)}, needed ${threshold.toFixed(3)}` }),
  ];
  if (usage.prompt_tokens + usage.completion_tokens > 0) {
    said.push(make("span", { textContent: `${usage.prompt_tokens} + ${counted(usage.completion_tokens, "token")}` }));
  }
  if (generation.finish_reason === "length") said.push(make("span", { textContent: "cut off at its limit of tokens" }));
  if (generation.unsupported_citations > 0) {
    said.push(make("span", { textContent: `${counted(generation.unsupported_citations, "citation")} without support taken out` }));
  }
  return said;
}
