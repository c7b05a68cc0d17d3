"""Parsing of documents that nobody vouches for."""
