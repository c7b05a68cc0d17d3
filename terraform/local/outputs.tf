output "query_api_url" {
  description = "The query API and its page."
  value       = "http://127.0.0.1:${var.ports.query_api}"
}

output "dagster_url" {
  description = "Dagster's UI."
  value       = "http://127.0.0.1:${var.ports.dagster}"
}

output "make_a_key" {
  description = "What makes a first key for the query API."
  value       = "docker exec ${var.name}-code rag keys create"
}
