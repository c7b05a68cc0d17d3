output "bootstrap_servers" {
  description = "Brokers for clients with a SCRAM login over TLS."
  value       = aws_msk_cluster.this.bootstrap_brokers_sasl_scram
}

output "bootstrap_servers_iam" {
  description = "Brokers for administrators with an IAM role."
  value       = aws_msk_cluster.this.bootstrap_brokers_sasl_iam
}
