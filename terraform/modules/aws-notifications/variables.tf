variable "name" {
  description = "Name of the queue."
  type        = string
}

variable "region" {
  description = "Region of the queue."
  type        = string
}

variable "account_id" {
  description = "Account of the bucket and the queue."
  type        = string
}

variable "bucket" {
  description = "The bucket that is watched."
  type        = string
}

variable "bucket_arn" {
  description = "ARN of that bucket."
  type        = string
}

variable "other_bucket_arns" {
  description = "Further buckets of this account and region that may send to the queue; their owners set their notifications."
  type        = list(string)
  default     = []
}

variable "prefix" {
  description = "Only objects under this prefix; empty: all."
  type        = string
  default     = ""
}

variable "key_arn" {
  description = "Key that encrypts the messages; s3.amazonaws.com must be let use it."
  type        = string
}

variable "visibility_timeout_s" {
  description = "After how long a message that was received and not deleted is given out again."
  type        = number
  default     = 120

  validation {
    condition     = var.visibility_timeout_s >= 30 && var.visibility_timeout_s <= 43200
    error_message = "visibility_timeout_s must be 30 to 43200: recording a batch takes seconds."
  }
}

variable "max_receives" {
  description = "How often a message is given out before it is set aside."
  type        = number
  default     = 20

  validation {
    condition     = var.max_receives >= 5 && var.max_receives <= 1000
    error_message = "max_receives must be 5 to 1000: an outage of the catalog must not set messages aside at once."
  }
}

variable "alarm_topic_arns" {
  description = "SNS topics that are told when messages were set aside, or wait."
  type        = list(string)
  default     = []
}
