"""Benchmarks of the whole platform on this machine; see bench/README.md. ``make bench`` runs them."""
