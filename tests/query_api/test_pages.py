import re
import subprocess
import sys

from fastapi.testclient import TestClient

_BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ImportError("blocked: " + name)
sys.meta_path.insert(0, Blocked())
import query_api.app, query_api.__main__
from resources.clients.settings import Settings
query_api.app.create_app(Settings(home="."))
print(",".join(sorted({{name.split(".")[0] for name in sys.modules}})))
"""
INGEST_ONLY = {
    "dagster",
    "pyarrow",
    "pypdf",
    "pypdfium2",
    "markdown_it",
    "selectolax",
    "watchfiles",
    "psycopg2",
    "typer",
}
HEAVY = {"openvino", "tokenizers", "torch", "qdrant_client", "alembic", "obstore"}


def test_the_application_needs_neither_dagster_nor_parsers_and_loads_no_model_to_be_made() -> None:
    program = _BLOCKED.format(blocked=INGEST_ONLY)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not HEAVY & set(done.stdout.strip().split(","))


def test_the_schema_has_examples_and_problems_for_every_question(api: TestClient) -> None:
    schema = api.get("/openapi.json").json()
    assert {"/v1/search", "/v1/ask", "/v1/documents/{document_id}", "/v1/collections", "/readyz"} <= set(
        schema["paths"]
    )
    schemas = schema["components"]["schemas"]
    assert schemas["SearchRequest"]["examples"]
    assert schemas["AskRequest"]["examples"]
    assert "Problem" in schemas
    for path in ("/v1/search", "/v1/ask"):
        answers = schema["paths"][path]["post"]["responses"]
        assert all("application/problem+json" in answers[status]["content"] for status in ("413", "422", "503"))
    assert "HTTPValidationError" not in schemas


def test_the_examples_of_the_schema_are_valid_requests(api: TestClient) -> None:
    schemas = api.get("/openapi.json").json()["components"]["schemas"]
    assert api.post("/v1/search", json=schemas["SearchRequest"]["examples"][0]).status_code == 200
    assert api.post("/v1/ask", json=schemas["AskRequest"]["examples"][0]).status_code == 200


def test_the_page_of_requests_loads_nothing_from_elsewhere(api: TestClient) -> None:
    page = api.get("/docs")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert not re.search(r"(?:src|href)\s*=\s*[\"'](?:https?:)?//", page.text)
    assert api.get("/redoc").status_code == 404


def test_no_two_requests_of_the_page_have_the_same_title(api: TestClient) -> None:
    paths = api.get("/openapi.json").json()["paths"]
    titles = [operation["summary"] for methods in paths.values() for operation in methods.values()]
    assert len(titles) == len(set(titles))
