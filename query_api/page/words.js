// Numbers, times and places in words.

const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
const BYTES = ["B", "kB", "MB", "GB", "TB"];

export const number = (value) => value.toLocaleString("en");
export const counted = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;
export const time = (stamp) => (stamp ? new Date(stamp).toLocaleString() : "");

/** Return a duration in its largest unit: "45 s", "3 min", "2 d". */
export function duration(seconds) {
  const [size, unit] = UNITS.find(([each]) => seconds >= each) ?? UNITS.at(-1);
  return `${number(Math.round(seconds / size))} ${unit}`;
}

export function bytes(size) {
  const step = Math.min(BYTES.length - 1, size > 0 ? Math.floor(Math.log10(size) / 3) : 0);
  const shown = size / 1000 ** step;
  return `${shown < 10 && step > 0 ? shown.toFixed(1) : Math.round(shown)} ${BYTES[step]}`;
}

/** Return where a passage stands: "page 3 · Restores › Exercises". */
export const place = (cited) => [cited.anchor?.name, cited.heading_path.join(" › ")].filter(Boolean).join(" · ");

/** Return a document's name: its title, or the last part of its address. */
export const titleOf = (cited) => cited.title || cited.uri.split("/").pop() || cited.uri;

const SOFT_BREAK = /(?<=[\p{L},;])\n(?=\p{Ll})/gu;

/** Return a text whose sentences are not broken where lines of a page ended; rows of tables stay rows. */
export const flowing = (text) => (text.includes(" | ") ? text : text.replace(SOFT_BREAK, " "));
