# One container that may do little: no capabilities but those named, no new privileges, a read-only file system unless it
# cannot, bounded memory, and ports on this machine's loopback address only. It runs for good, or once to its end.

locals {
  once = var.healthy == null
}

resource "docker_container" "this" {
  name       = "${var.prefix}-${var.name}"
  image      = var.image
  entrypoint = var.entrypoint
  command    = var.command
  user       = var.user
  read_only  = var.read_only
  env        = [for name, value in merge(var.environment, var.secrets) : "${name}=${value}"]

  init                  = true
  restart               = local.once ? "no" : "unless-stopped"
  memory                = var.memory_mib
  memory_swap           = var.memory_mib # the same: no swap
  destroy_grace_seconds = 30
  wait                  = !local.once
  attach                = local.once
  must_run              = !local.once
  wait_timeout          = var.ready_within_s

  security_opts = ["no-new-privileges:true"]

  capabilities {
    add  = var.capabilities
    drop = ["ALL"]
  }

  tmpfs = { for folder in var.scratch : folder => "rw,noexec,nosuid,nodev,size=256m,mode=1777" }

  dynamic "volumes" {
    for_each = var.volumes

    content {
      container_path = volumes.key
      volume_name    = volumes.value
    }
  }

  dynamic "volumes" {
    for_each = var.files

    content {
      container_path = volumes.key
      host_path      = volumes.value
      read_only      = true
    }
  }

  dynamic "networks_advanced" {
    for_each = var.networks

    content {
      name    = networks_advanced.value
      aliases = [var.name]
    }
  }

  dynamic "ports" {
    for_each = var.published

    content {
      ip       = "127.0.0.1"
      external = ports.key
      internal = ports.value
    }
  }

  dynamic "healthcheck" {
    for_each = local.once ? [] : [var.healthy]

    content {
      test         = healthcheck.value
      interval     = "15s"
      timeout      = "10s"
      start_period = "60s"
      retries      = 5
    }
  }

  log_driver = "json-file"
  log_opts   = { max-size = "20m", max-file = "3" }

  lifecycle {
    postcondition {
      condition     = !local.once || self.exit_code == 0
      error_message = "${var.prefix}-${var.name} failed: `docker logs ${var.prefix}-${var.name}` says why; then `tofu apply -replace=module.${replace(var.name, "-", "_")}.docker_container.this`."
    }
  }
}
