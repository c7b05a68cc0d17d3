"""The query API: search, cited answers, documents and collections over REST; importing it starts nothing."""
