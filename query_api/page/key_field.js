// The field for an API key: shown when the server answers 401, or when somebody wants to send another one.

import { key } from "./api.js";
import { byId } from "./dom.js";

const SENDABLE = /^[\x21-\x7e]+$/;

/** Call `onChange` whenever another key, or none, is to be sent from now on. */
export function keyField(onChange) {
  const section = byId("key");
  const text = byId("key-text");
  const show = (said) => {
    byId("key-said").textContent = said;
    byId("forget-key").hidden = key.text === "";
    section.hidden = false;
  };
  document.addEventListener("key-needed", ({ detail }) => {
    show(detail.refused ? "The server does not accept this key: it is unknown, revoked or expired." : "This server asks for a key.");
    byId("change-key").hidden = false;
    text.setAttribute("aria-invalid", String(detail.refused));
    if (document.activeElement === document.body) text.focus();  // whoever is at work is told, and stays where they are
    section.scrollIntoView({ block: "nearest" });
  });
  byId("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const given = text.value.trim();
    if (!SENDABLE.test(given)) {
      show("That is no key: a key has letters, digits, hyphens and underscores.");
      return;
    }
    key.keep(given);
    text.value = "";
    section.hidden = true;
    byId("change-key").hidden = false;
    byId("question").focus();
    onChange();
  });
  byId("forget-key").addEventListener("click", () => {
    key.forget();
    section.hidden = true;
    byId("change-key").focus();
    onChange();
  });
  byId("change-key").addEventListener("click", () => {
    show(key.text ? "A key is sent with every request." : "This server asks for a key.");
    byId("key-title").focus();
  });
  byId("change-key").hidden = key.text === "";
}
