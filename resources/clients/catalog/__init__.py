"""The catalog: the PostgreSQL tables that say which arrivals exist, what state each is in, and why.

``open_catalog(url)`` gives a ``Catalog``; its attributes are its rooms: ``recording``, ``sources``, ``claims``,
``due``, ``parts``, ``writing``, ``indexes``, ``queries``. The values they take and give are in ``values``.
"""

from resources.clients.catalog.catalog import Catalog, open_catalog

__all__ = ["Catalog", "open_catalog"]
