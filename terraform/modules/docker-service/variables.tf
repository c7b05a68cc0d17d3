variable "prefix" {
  description = "First part of the container's name."
  type        = string
}

variable "name" {
  description = "Last part of the container's name, and its host name in its networks."
  type        = string
}

variable "image" {
  description = "The image's id."
  type        = string
}

variable "entrypoint" {
  description = "In place of the image's entry point."
  type        = list(string)
  default     = null
}

variable "command" {
  description = "In place of the image's command."
  type        = list(string)
  default     = null
}

variable "user" {
  description = "In place of the image's user."
  type        = string
  default     = null
}

variable "read_only" {
  description = "Whether the image's files cannot be changed; volumes and scratch folders can."
  type        = bool
  default     = true
}

variable "capabilities" {
  description = "The few capabilities that a program cannot do without."
  type        = list(string)
  default     = []
}

variable "environment" {
  description = "Variables that anybody may read."
  type        = map(string)
  default     = {}
}

variable "secrets" {
  description = "Variables that nobody may read."
  type        = map(string)
  default     = {}
  sensitive   = true
}

variable "volumes" {
  description = "Volumes, by the folder at which each is mounted."
  type        = map(string)
  default     = {}
}

variable "files" {
  description = "Absolute paths of this machine, mounted read-only, by where each is seen."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for path in values(var.files) : startswith(path, "/") && !strcontains(path, "docker.sock")])
    error_message = "files must be absolute paths, and never the engine's own socket."
  }
}

variable "scratch" {
  description = "Folders in memory."
  type        = list(string)
  default     = ["/tmp"]
}

variable "networks" {
  description = "Networks it is in."
  type        = list(string)
}

variable "published" {
  description = "Ports of the container, by the port of 127.0.0.1 at which each is reached."
  type        = map(number)
  default     = {}
}

variable "healthy" {
  description = "What succeeds while it works, as Docker writes it: [\"CMD\", …]; null where it runs once, to its end."
  type        = list(string)
  default     = null

  validation {
    condition     = var.healthy == null ? true : length(var.healthy) > 1 && contains(["CMD", "CMD-SHELL"], var.healthy[0])
    error_message = "healthy must begin with CMD or CMD-SHELL."
  }
}

variable "ready_within_s" {
  description = "How long it may take until it is healthy."
  type        = number
  default     = 180
}

variable "memory_mib" {
  description = "Memory at most."
  type        = number
}
