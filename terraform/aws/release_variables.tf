# Where the chart is installed; roles are for its service accounts and no others.

variable "namespace" {
  description = "Kubernetes namespace of the chart."
  type        = string
  default     = "rag"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.namespace))
    error_message = "namespace must be the name of a Kubernetes namespace."
  }
}

variable "uploads_prefix" {
  description = "Where in the documents' bucket the query API may write uploads."
  type        = string
  default     = "uploads/"

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*/$", var.uploads_prefix))
    error_message = "uploads_prefix must be a folder, such as uploads/."
  }
}

variable "qdrant_url" {
  description = "Where the vectors are, as the pods reach it."
  type        = string
  default     = "http://qdrant.qdrant.svc.cluster.local:6333"

  validation {
    condition     = can(regex("^https?://[^\\s@]+$", var.qdrant_url))
    error_message = "qdrant_url must begin with http:// or https:// and hold no password."
  }
}

variable "alarm_topic_arns" {
  description = "SNS topics that are told when object events were set aside."
  type        = list(string)
  default     = []
}
