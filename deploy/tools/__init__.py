"""Builds the tools that the checks of operations run (Helm, OpenTofu, a Kubernetes API server, …), once, into a cache.

Each is a Go program, built with the sums committed here in a folder of its own, so two machines build the same
sources. `python -m deploy.tools build` takes about half an hour on two cores and is not needed to run rag-assets.
"""
