variable "name" {
  description = "Prefix of every name; two installations on one host have two names and other ports."
  type        = string
  default     = "rag"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}$", var.name))
    error_message = "name must have 2 to 21 lower-case letters, digits and hyphens, and begin with a letter."
  }
}

variable "docker_host" {
  description = "The Docker engine."
  type        = string
  default     = "unix:///var/run/docker.sock"
}

variable "images" {
  description = "Images, by tag or better by digest. ingestion and api are made by deploy/images/Containerfile."
  type = object({
    ingestion = optional(string, "rag-assets/ingestion:local")
    api       = optional(string, "rag-assets/api:local")
    kafka     = optional(string, "docker.io/apache/kafka:4.1.0")
    qdrant    = optional(string, "docker.io/qdrant/qdrant:v1.20.0-unprivileged")
    postgres  = optional(string, "docker.io/timescale/timescaledb:2.22.1-pg17")
    seaweedfs = optional(string, "docker.io/chrislusf/seaweedfs:4.48")
  })
  default = {}
}

variable "ports" {
  description = "Ports of 127.0.0.1 for the query API and Dagster; nothing else is reached from outside the containers."
  type = object({
    query_api = optional(number, 8000)
    dagster   = optional(number, 3000)
  })
  default = {}

  validation {
    condition     = alltrue([for port in values(var.ports) : port >= 1024 && port <= 65535]) && var.ports.query_api != var.ports.dagster
    error_message = "ports must be two different ones from 1024 to 65535."
  }
}

variable "collections_folder" {
  description = "Folder with one YAML file a collection; relative to this root, or absolute."
  type        = string
  default     = "../../deploy/compose/collections"
}

variable "settings" {
  description = "Further settings of docs/local-stack.md for our programs, such as RAG_CHAT_URL; never secrets."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.settings) : can(regex("^RAG_[A-Z0-9_]+$", name)) && !can(regex("SECRET|PASSWORD|_KEY", name))])
    error_message = "settings are RAG_… variables, and none that holds a secret."
  }
}

variable "code_server_outside" {
  description = "Whether ingestion reaches what is outside the containers, for sources elsewhere."
  type        = bool
  default     = false
}
