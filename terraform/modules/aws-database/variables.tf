variable "name" {
  description = "Identifier of the instance."
  type        = string
}

variable "vpc_id" {
  description = "The network."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets, in two zones at least."
  type        = list(string)
}

variable "client_security_group_id" {
  description = "Security group of whoever may connect."
  type        = string
}

variable "postgres_version" {
  description = "Version of PostgreSQL: a major one (minor ones come by themselves)."
  type        = string
}

variable "instance_class" {
  description = "Size of the machine."
  type        = string
}

variable "disk_gib" {
  description = "Disk at the start."
  type        = number
}

variable "max_disk_gib" {
  description = "Size to which the disk grows by itself."
  type        = number

  validation {
    condition     = var.max_disk_gib > var.disk_gib
    error_message = "max_disk_gib must be larger than disk_gib."
  }
}

variable "backup_days" {
  description = "How far back the database can be restored to any second."
  type        = number
  default     = 14

  validation {
    condition     = var.backup_days >= 7 && var.backup_days <= 35
    error_message = "backup_days must be 7 to 35."
  }
}

variable "database" {
  description = "Name of the catalog's database."
  type        = string
}

variable "username" {
  description = "Owner of the databases."
  type        = string
}

variable "password" {
  description = "The owner's password."
  type        = string
  sensitive   = true
  ephemeral   = true
}

variable "password_version" {
  description = "Raised by one to set the password anew."
  type        = number
}

variable "key_arn" {
  description = "Key of the disk, the backups and the query statistics."
  type        = string
}

variable "logs_key_arn" {
  description = "Key of the logs."
  type        = string
}

variable "log_days" {
  description = "How long logs are kept."
  type        = number
  default     = 30
}

variable "alarm_topic_arns" {
  description = "SNS topics that are told when the disk fills."
  type        = list(string)
  default     = []
}
