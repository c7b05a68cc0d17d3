output "arn" {
  description = "What the service account's annotation names."
  value       = aws_iam_role.this.arn
}
