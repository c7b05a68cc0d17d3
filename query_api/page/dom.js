// Nodes from values. Whatever comes from the server becomes text: nothing on this page parses HTML.

export const byId = (id) => document.getElementById(id);

/** Return an element; children are nodes or strings, null and false are left out. */
export function make(tag, properties = {}, ...children) {
  const { attributes = {}, ...own } = properties;
  const node = Object.assign(document.createElement(tag), own);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Return a list of terms and descriptions; pairs without a description are left out. */
export function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return make("dl", { className: "facts" }, shown.map(([term, value]) =>
    [make("dt", { textContent: term }), make("dd", {}, value)]).flat());
}

/** Return a link that opens another tab, or the text alone where there is no address of a page. */
export function link(text, address) {
  if (!/^https?:\/\//.test(address ?? "")) return text;
  return make("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, text,
    make("span", { className: "unseen", textContent: " (opens in a new tab)" }));
}

/** Return what went wrong and what to do next. */
export function notice(problem, kind = "bad") {
  return make("div", { className: `notice ${kind}` }, make("p", { textContent: problem.message }),
    problem.remedy ? make("p", { className: "remedy", textContent: problem.remedy }) : null);
}

export const unseen = (text) => make("span", { className: "unseen", textContent: text });
