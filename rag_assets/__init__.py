"""The four assets of a collection, their checks, jobs and the composition root."""
