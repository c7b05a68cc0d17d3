variable "name" {
  description = "Alias of the key, without the prefix alias/."
  type        = string
}

variable "description" {
  description = "What the key protects."
  type        = string
}

variable "account_id" {
  description = "The account that administers the key."
  type        = string
}

variable "deletion_window_days" {
  description = "How long a deleted key can be brought back; with it goes everything it encrypted."
  type        = number
  default     = 30

  validation {
    condition     = var.deletion_window_days >= 14 && var.deletion_window_days <= 30
    error_message = "deletion_window_days must be 14 to 30: a deleted key takes the data with it."
  }
}

variable "users" {
  description = "Who else may use the key, by statement id: services and roles, their actions, their conditions."
  type = map(object({
    type        = optional(string, "Service")
    identifiers = list(string)
    actions     = list(string)
    conditions = optional(list(object({
      test     = string
      variable = string
      values   = list(string)
    })), [])
  }))
  default = {}
}
