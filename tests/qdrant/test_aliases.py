"""Aliases change all at once, or not at all."""

import threading

import httpx
import pytest
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from tests.qdrant.corpus import create, point
from tests.qdrant.server import EdgeServer


def pointing(alias: str, at: str) -> models.CreateAliasOperation:
    return models.CreateAliasOperation(create_alias=models.CreateAlias(collection_name=at, alias_name=alias))


def without(alias: str) -> models.DeleteAliasOperation:
    return models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias))


def test_readers_see_one_collection_or_the_other_while_an_alias_switches(
    edge_server: EdgeServer, edge: QdrantClient, name: str
) -> None:
    alias, other = f"{name}-alias", f"{name}-other"
    create(edge, name)
    create(edge, other)
    edge.upsert(name, [point(number, year=1) for number in range(3)])
    edge.upsert(other, [point(number, year=2) for number in range(5)])
    edge.update_collection_aliases([pointing(alias, name)])
    done = threading.Event()
    seen: set[tuple[int, ...]] = set()
    refused: list[str] = []

    def read() -> None:
        with httpx.Client(base_url=edge_server.url, timeout=60) as http:
            while not done.is_set():
                answer = http.post(f"/collections/{alias}/points/scroll", json={"with_payload": ["year"]})
                if answer.status_code == 200:
                    seen.add(tuple(each["payload"]["year"] for each in answer.json()["result"]["points"]))
                else:
                    refused.append(answer.text)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for turn in range(20):
        edge.update_collection_aliases([without(alias), pointing(alias, other if turn % 2 == 0 else name)])
    done.set()
    for reader in readers:
        reader.join()
    edge.delete_collection(other)
    assert refused == []
    assert seen == {(1,) * 3, (2,) * 5}


def test_a_list_of_alias_actions_applies_all_or_nothing(edge: QdrantClient, name: str) -> None:
    alias = f"{name}-alias"
    create(edge, name)
    edge.update_collection_aliases([pointing(alias, name)])
    with pytest.raises(UnexpectedResponse, match="404"):
        edge.update_collection_aliases([without(alias), pointing(alias, f"{name}-nobody")])
    assert edge.collection_exists(alias)


def test_deleting_a_collection_takes_its_aliases_along_and_an_alias_is_not_followed(
    edge: QdrantClient, name: str
) -> None:
    alias = f"{name}-alias"
    create(edge, name)
    edge.update_collection_aliases([pointing(alias, name)])
    assert edge.delete_collection(alias) is False
    assert edge.collection_exists(name)
    assert edge.delete_collection(name) is True
    assert not edge.collection_exists(alias)
    assert alias not in {each.alias_name for each in edge.get_aliases().aliases}
