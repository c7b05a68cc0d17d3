"""Uploads: from a multipart body, piece by piece, to stored objects, recorded arrivals and jobs."""
