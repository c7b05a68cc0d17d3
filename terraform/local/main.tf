# Networks and volumes. Servers are in a network without a way out; what is published or calls out is in a second one.

resource "docker_network" "inside" {
  name     = "${var.name}-inside"
  internal = true
}

resource "docker_network" "outside" {
  name = "${var.name}-outside"
}

resource "docker_volume" "this" {
  for_each = toset(["kafka", "qdrant", "postgres", "seaweedfs", "state"])

  name = "${var.name}-${each.value}"

  lifecycle {
    prevent_destroy = true
  }
}

locals {
  inside  = [docker_network.inside.name]
  outside = [docker_network.inside.name, docker_network.outside.name]
  bucket  = "rag"

  # What a container engine needs of us beside images is the same as with Compose.
  shared = abspath("${path.module}/../../deploy/compose")
}
