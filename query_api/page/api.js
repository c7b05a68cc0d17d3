// Requests to this server: each is sent with the key, and an error becomes a Problem with what to do next.

import { eventsIn } from "./events.js";

const KEPT = "rag-api-key";

/** The API key of this tab; sessionStorage ends with it. */
export const key = {
  get text() { return sessionStorage.getItem(KEPT) ?? ""; },
  keep: (text) => sessionStorage.setItem(KEPT, text),
  forget: () => sessionStorage.removeItem(KEPT),
};

export class Problem extends Error {
  constructor(detail, { remedy = "", status = 0 } = {}) {
    super(detail);
    this.remedy = remedy;
    this.status = status;
  }
}

/** Return the JSON of a GET, or of a POST where there is a body. */
export async function ask(path, { body, signal } = {}) {
  const response = await sent(path, { body, signal });
  return response.json();
}

/** Yield the server-sent events of a GET, or of a POST where there is a body. */
export async function* events(path, { body, signal } = {}) {
  const response = await sent(path, { body, signal });
  yield* eventsIn(response.body);
}

/** Send a file and return the answer; `onProgress` is told the share that has left. */
export function upload(path, file, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();  // fetch does not say how much it has sent
    const form = new FormData();
    form.append("file", file, file.name);
    request.open("POST", path);
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => { if (event.lengthComputable) onProgress(event.loaded / event.total); };
    request.onload = () => {
      const said = parsed(request.responseText);
      if (request.status < 300) resolve(said);
      else reject(problemOf(request.status, said));
    };
    request.onerror = () => reject(away());
    request.send(form);
  });
}

async function sent(path, { body, signal }) {
  const posted = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const type = body === undefined ? {} : { "Content-Type": "application/json" };
  let response;
  try {
    response = await fetch(path, { ...posted, signal, headers: { ...headers(), ...type } });
  } catch (error) {
    throw error.name === "AbortError" ? error : away();
  }
  if (!response.ok) throw problemOf(response.status, parsed(await response.text()));
  return response;
}

const headers = () => (key.text ? { Authorization: `Bearer ${key.text}` } : {});
const away = () => new Problem("The server does not answer.", { remedy: "Is it running? 'rag status' says so." });

function parsed(text) {
  try { return JSON.parse(text); } catch { return {}; }
}

function problemOf(status, said) {
  if (status === 401) document.dispatchEvent(new CustomEvent("key-needed", { detail: { refused: key.text !== "" } }));
  return new Problem(said.detail ?? `The server answered with status ${status}.`, { remedy: said.remedy, status });
}
