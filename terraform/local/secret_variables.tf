# Secrets come from the environment (TF_VAR_…). A container's variables are in the state: keep the state file private.

variable "postgres_password" {
  description = "Password of PostgreSQL's owner."
  type        = string
  sensitive   = true

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{24,128}$", var.postgres_password))
    error_message = "postgres_password must have 24 to 128 letters, digits, _ and -."
  }
}

variable "qdrant_api_key" {
  description = "Key of Qdrant."
  type        = string
  sensitive   = true

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{24,128}$", var.qdrant_api_key))
    error_message = "qdrant_api_key must have 24 to 128 letters, digits, _ and -."
  }
}

variable "s3_access_key_id" {
  description = "Key id of SeaweedFS."
  type        = string
  sensitive   = true

  validation {
    condition     = can(regex("^[A-Za-z0-9]{8,128}$", var.s3_access_key_id))
    error_message = "s3_access_key_id must have 8 to 128 letters and digits."
  }
}

variable "s3_secret_access_key" {
  description = "Secret key of SeaweedFS."
  type        = string
  sensitive   = true

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{24,128}$", var.s3_secret_access_key))
    error_message = "s3_secret_access_key must have 24 to 128 letters, digits, _ and -."
  }
}

variable "secret_settings" {
  description = "Further settings that are secret, such as RAG_CHAT_API_KEY."
  type        = map(string)
  sensitive   = true
  default     = {}
}
