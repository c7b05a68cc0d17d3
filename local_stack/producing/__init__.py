"""Messages for a topic: files, JSON lines, Wikimedia's event stream; each sent until a broker has acknowledged it."""
