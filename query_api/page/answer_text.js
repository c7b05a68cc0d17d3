// An answer while it is written: text is only ever added, so that a source that has the focus keeps it.

import { make } from "./dom.js";
import { flowing, place, titleOf } from "./words.js";

const CITED = /\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]/g;
const UNFINISHED = /\[[\d\s,]*$/;

export class AnswerText {
  /** `passageOf(number)` is the passage that a number stands for, or undefined; `onCite(number, button)` opens it. */
  constructor(container, passageOf, onCite) {
    this.container = container;
    this.passageOf = passageOf;
    this.onCite = onCite;
    this.clear();
  }

  clear() {
    this.text = "";
    this.held = "";
    this.container.replaceChildren();
  }

  /** Add a piece; what may be the beginning of a citation is held until it is whole. */
  add(piece) {
    this.text += piece;
    this.held += piece;
    const unfinished = UNFINISHED.exec(this.held);
    const whole = unfinished ? this.held.slice(0, unfinished.index) : this.held;
    this.held = unfinished ? unfinished[0] : "";
    this.#show(whole);
  }

  /** Show what is still held: nothing follows. */
  end() {
    this.#show(this.held);
    this.held = "";
  }

  #show(text) {
    let shown = 0;
    for (const match of text.matchAll(CITED)) {
      const numbers = match[1].split(",").map(Number);
      if (!numbers.every((each) => this.passageOf(each))) continue;
      const before = flowing(text.slice(shown, match.index)).replace(/[ \t]$/, "\u00a0");
      this.container.append(before, ...numbers.map((each) => this.#button(each)));
      shown = match.index + match[0].length;
    }
    if (shown < text.length) this.container.append(flowing(text.slice(shown)));
  }

  #button(number) {
    const cited = this.passageOf(number);
    const said = `Source ${number}: ${[titleOf(cited), place(cited)].filter(Boolean).join(", ")}`;
    return make("button", {
      type: "button", className: "cite", textContent: number, title: said, attributes: { "aria-label": said },
      onclick: (event) => this.onCite(number, event.currentTarget),
    });
  }
}
