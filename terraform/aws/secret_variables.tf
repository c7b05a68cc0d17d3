# Passwords come from the environment (TF_VAR_…), are handed on write-only, and are in no plan and in no state.

variable "database_password" {
  description = "Password of PostgreSQL's owner."
  type        = string
  sensitive   = true
  ephemeral   = true

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{24,128}$", var.database_password))
    error_message = "database_password must have 24 to 128 letters, digits, _ and -."
  }
}

variable "kafka_password" {
  description = "Password of ingestion's Kafka login."
  type        = string
  sensitive   = true
  ephemeral   = true

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{24,128}$", var.kafka_password))
    error_message = "kafka_password must have 24 to 128 letters, digits, _ and -."
  }
}

variable "passwords_version" {
  description = "Raised by one whenever one of the passwords changes."
  type        = number
  default     = 1
}
