output "topic_arn" {
  description = "ARN of the topic, known before it is there."
  value       = local.arn

  depends_on = [aws_sns_topic_policy.this]
}
