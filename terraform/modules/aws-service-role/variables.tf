variable "name" {
  description = "The role's name."
  type        = string
}

variable "provider_arn" {
  description = "The cluster's identity provider."
  type        = string
}

variable "issuer" {
  description = "That provider's URL, with or without https://."
  type        = string
}

variable "namespace" {
  description = "Namespace of the service account."
  type        = string
}

variable "service_account" {
  description = "Name of the service account."
  type        = string

  validation {
    condition     = !strcontains(var.service_account, "*")
    error_message = "A role is one service account's; no wildcard."
  }
}

variable "statements" {
  description = "What the role may do, by statement id."
  type = map(object({
    actions   = list(string)
    resources = list(string)
    conditions = optional(list(object({
      test     = string
      variable = string
      values   = list(string)
    })), [])
  }))
  default = {}
}

variable "managed_policy_arns" {
  description = "Policies of AWS itself, by a name of ours."
  type        = map(string)
  default     = {}
}
