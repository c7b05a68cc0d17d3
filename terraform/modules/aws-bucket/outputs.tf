output "name" {
  description = "The bucket's name."
  value       = aws_s3_bucket.this.id
}

# From the name, so that policies are known before the bucket is there.
output "arn" {
  description = "ARN of the bucket."
  value       = "arn:${data.aws_partition.current.partition}:s3:::${var.name}"
}
