variable "account_id" {
  description = "Account of the secrets."
  type        = string
}

variable "secrets" {
  description = "What each secret is, by its name."
  type        = map(string)
}

variable "versions" {
  description = "Secrets that get their value here: a number, raised by one when the value changes."
  type        = map(number)
}

variable "values" {
  description = "Values of those secrets, by name."
  type        = map(string)
  sensitive   = true
  ephemeral   = true
}

variable "key_arn" {
  description = "Key that encrypts the secrets."
  type        = string
}
