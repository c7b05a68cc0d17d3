# Networks and volumes. Servers are in a network without a way out; what is published or calls out is in a second one.

resource "docker_network" "inside" {
  name     = "${var.name}-inside"
  internal = true
}

resource "docker_network" "outside" {
  name = "${var.name}-outside"
}

resource "docker_volume" "this" {
  for_each = toset(["kafka", "qdrant", "postgres", "seaweedfs", "spool", "state"])

  name = "${var.name}-${each.value}"

  lifecycle {
    prevent_destroy = true
  }
}

# Containers name images by id: after a build under the same tag, or with another digest, they are made anew.
resource "docker_image" "this" {
  for_each = var.images

  name         = each.value
  keep_locally = true
}

locals {
  images  = { for name, image in docker_image.this : name => image.image_id }
  inside  = [docker_network.inside.name]
  outside = [docker_network.inside.name, docker_network.outside.name]
  bucket  = "rag"

  # What a container engine needs of us beside images is the same as with Compose.
  shared = abspath("${path.module}/../../deploy/compose")
}
