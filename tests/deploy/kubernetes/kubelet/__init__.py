"""A small kubelet for tests: a node of a real cluster whose containers are processes of this machine."""

from tests.deploy.kubernetes.kubelet.node import Kubelet

__all__ = ["Kubelet"]
