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

variable "upload_prefixes" {
  description = "Where in the documents' bucket the query API may write: for each source that takes uploads, its uploads/."
  type        = list(string)
  default     = ["uploads/"]

  validation {
    condition     = alltrue([for prefix in var.upload_prefixes : can(regex("^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*/$", prefix))])
    error_message = "upload_prefixes must be folders, such as handbook/uploads/."
  }
}

variable "source_buckets" {
  description = "Buckets that are there already and may be read, never written: {our-contracts = {key_arn = \"arn:aws:kms:…\"}}, {} for one without a key of its own."
  type        = map(object({ key_arn = optional(string, "") }))
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.source_buckets) : can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", name))])
    error_message = "source_buckets must be named by their names alone, such as our-contracts."
  }

  validation {
    condition     = alltrue([for bucket in values(var.source_buckets) : bucket.key_arn == "" || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[a-z0-9-]+$", bucket.key_arn))])
    error_message = "A bucket's key_arn must be one key's, as arn:aws:kms:REGION:ACCOUNT:key/ID."
  }
}

variable "qdrant_namespace" {
  description = "Kubernetes namespace in which Qdrant is installed; it gets its key there."
  type        = string
  default     = "qdrant"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.qdrant_namespace)) && var.qdrant_namespace != var.namespace
    error_message = "qdrant_namespace must be the name of a Kubernetes namespace, another one than the chart's."
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

variable "chat_key" {
  description = "Whether the chat server asks for a key: then it is copied into the cluster as rag-chat (api-key), too."
  type        = bool
  default     = false
}

variable "alarm_emails" {
  description = "Addresses that are told of alarms, each after it has confirmed AWS's first mail."
  type        = list(string)
  default     = []
}

variable "alarm_topic_arns" {
  description = "Further SNS topics that are told, such as a pager's."
  type        = list(string)
  default     = []
}
