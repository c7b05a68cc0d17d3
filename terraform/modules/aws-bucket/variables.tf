variable "name" {
  description = "The bucket's name, unique among all accounts."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "A bucket's name has 3 to 63 lower-case letters, digits and hyphens."
  }
}

variable "key_arn" {
  description = "Key that encrypts the objects."
  type        = string
}

variable "old_version_days" {
  description = "How long a replaced or deleted object can be brought back."
  type        = number
  default     = 30

  validation {
    condition     = var.old_version_days >= 7
    error_message = "Keep old versions for a week at least: they are what undoes a mistake."
  }
}

variable "expiring_prefixes" {
  description = "Days until objects under a prefix are deleted, by prefix."
  type        = map(number)
  default     = {}
}
