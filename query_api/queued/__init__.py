"""Questions that are answered later: accepted by the API, answered and told of by workers of their own."""
