variable "name" {
  description = "Name of the topic."
  type        = string
}

variable "region" {
  description = "Region of the topic."
  type        = string
}

variable "account_id" {
  description = "Account whose alarms may publish."
  type        = string
}

variable "key_arn" {
  description = "Key that encrypts what is published; cloudwatch.amazonaws.com must be let use it."
  type        = string
}

variable "emails" {
  description = "Addresses that are told."
  type        = list(string)

  validation {
    condition     = alltrue([for email in var.emails : can(regex("^[^@\\s]+@[^@\\s]+$", email))])
    error_message = "emails must be addresses, such as oncall@example.com."
  }
}
