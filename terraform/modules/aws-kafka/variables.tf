variable "name" {
  description = "The Kafka cluster's name."
  type        = string
}

variable "vpc_id" {
  description = "The network."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets, one broker in each."
  type        = list(string)
}

variable "client_security_group_id" {
  description = "Security group of whoever may connect."
  type        = string
}

variable "kafka_version" {
  description = "Version of Kafka, as MSK names it."
  type        = string
}

variable "instance_type" {
  description = "Size of a broker."
  type        = string
}

variable "disk_gib" {
  description = "Disk of a broker."
  type        = number
}

variable "retention_hours" {
  description = "How long messages stay: longer than the longest outage of ingestion."
  type        = number
  default     = 168

  validation {
    condition     = var.retention_hours >= 24
    error_message = "Keep messages for a day at least: what expired before it was read is lost."
  }
}

variable "credentials_secret_arn" {
  description = "Secret with username and password, whose name begins with AmazonMSK_."
  type        = string
}

variable "key_arn" {
  description = "Key of the brokers' disks."
  type        = string
}

variable "logs_key_arn" {
  description = "Key of the brokers' logs."
  type        = string
}

variable "log_days" {
  description = "How long the brokers' logs are kept."
  type        = number
  default     = 30
}

variable "alarm_topic_arns" {
  description = "SNS topics that are told when the disk fills."
  type        = list(string)
  default     = []
}
