"""Measuring retrieval and answers on test collections: real sensors and assets in, the real API out."""
