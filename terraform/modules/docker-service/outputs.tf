output "host" {
  description = "Its host name in its networks; who uses it waits until it is healthy."
  value       = var.name

  depends_on = [docker_container.this]
}
