output "host" {
  description = "Name of the server; it stays when the standby takes over."
  value       = aws_db_instance.this.address
}
