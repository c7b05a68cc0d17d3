// Server-sent events of a response: fetch can send a key and a body with the request, EventSource cannot.

/** Yield `{name, data}` as they come, data parsed from JSON; comments, by which a server says it is there, are left out. */
export async function* eventsIn(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let unread = "";
  let event = { name: "message", lines: [] };
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (unread + value).split("\n");
      unread = lines.pop();
      for (const line of lines.map((each) => each.replace(/\r$/, ""))) {
        if (line === "") {
          if (event.lines.length) yield { name: event.name, data: JSON.parse(event.lines.join("\n")) };
          event = { name: "message", lines: [] };
        } else if (line.startsWith("event:")) event.name = line.slice(6).trim();
        else if (line.startsWith("data:")) event.lines.push(line.slice(5).replace(/^ /, ""));
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
