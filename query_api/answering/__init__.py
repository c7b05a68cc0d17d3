"""From a question to an answer: the passages decide whether there is one, a model or quotation says it."""
