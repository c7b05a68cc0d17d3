output "queue_url" {
  description = "What a collection's source reads."
  value       = aws_sqs_queue.events.url
}

output "queue_arn" {
  description = "ARN of the queue, known before it is there."
  value       = local.queue_arns.events
}

output "set_aside_queue_url" {
  description = "Where messages go that nobody could record."
  value       = aws_sqs_queue.set_aside.url
}
