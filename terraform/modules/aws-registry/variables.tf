variable "name" {
  description = "First part of each repository's name."
  type        = string
}

variable "repositories" {
  description = "Second part of each repository's name."
  type        = list(string)

  validation {
    condition     = alltrue([for name in var.repositories : can(regex("^[a-z0-9]+([._-][a-z0-9]+)*$", name))])
    error_message = "A repository's name has lower-case letters and digits, with single . _ - between them."
  }
}

variable "key_arn" {
  description = "Key that encrypts the images."
  type        = string
}
