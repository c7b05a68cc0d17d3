# Both from the name, so that they are known before the bucket is there.

output "name" {
  description = "The bucket's name; who uses it waits for the bucket."
  value       = var.name

  depends_on = [aws_s3_bucket_public_access_block.this]
}

output "arn" {
  description = "ARN of the bucket."
  value       = "arn:${data.aws_partition.current.partition}:s3:::${var.name}"
}
