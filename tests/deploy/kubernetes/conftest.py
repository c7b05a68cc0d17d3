"""The cluster of these tests: started once a session, when a test first asks for it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.kubernetes.binder import Binder
from tests.deploy.kubernetes.control_plane import ControlPlane
from tests.deploy.kubernetes.kubelet import Kubelet
from tests.deploy.kubernetes.kubelet.api import ApiServer
from tests.deploy.kubernetes.platform import IMAGE
from tests.services.loopback import wait_until


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    """A control plane with a binder; the nodes are each test's own."""
    with ControlPlane() as running, Binder(running.kubeconfig()):
        yield running


@pytest.fixture
def api(control_plane: ControlPlane) -> Iterator[ApiServer]:
    """The API server as its administrator sees it."""
    server = ApiServer(control_plane.kubeconfig())
    yield server
    server.close()


@pytest.fixture
def node(control_plane: ControlPlane, tmp_path: Path) -> Iterator[Kubelet]:
    """A node that is there for one test, and forgotten after it."""
    with one_node(control_plane, tmp_path, tmp_path.name.replace("_", "-").lower()[-40:].strip("-")) as running:
        yield running


@pytest.fixture
def another_node(control_plane: ControlPlane, tmp_path: Path) -> Iterator[Callable[..., Kubelet]]:
    """Gives a further node of that name, with labels."""
    with ExitStack() as nodes:

        def start(name: str, **labels: str) -> Kubelet:
            return nodes.enter_context(one_node(control_plane, tmp_path, name, labels))

        yield start


def one_node(control_plane: ControlPlane, folder: Path, name: str, labels: dict[str, Any] | None = None) -> Any:
    """Return a node, to be entered, whose object is deleted at its end."""

    @contextmanager
    def there() -> Iterator[Kubelet]:
        path = f"/api/v1/nodes/{name}"
        server = ApiServer(control_plane.kubeconfig())
        with Kubelet(name, control_plane.kubeconfig(), folder, image=IMAGE, labels=labels) as running:
            wait_until(lambda: "taints" not in server.get(path)["spec"], what=f"{name} to take pods")
            yield running
        server.delete(path)
        server.close()

    return there()
