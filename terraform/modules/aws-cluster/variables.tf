variable "name" {
  description = "The cluster's name."
  type        = string
}

variable "region" {
  description = "The cluster's region."
  type        = string
}

variable "account_id" {
  description = "The cluster's account."
  type        = string
}

variable "kubernetes_version" {
  description = "Minor version of Kubernetes."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets, in two zones at least."
  type        = list(string)
}

variable "public_cidrs" {
  description = "Addresses outside the network from which the API is reached; none: only from inside."
  type        = list(string)
  default     = []
}

variable "administrator_arns" {
  description = "IAM roles that administer the cluster."
  type        = list(string)
}

variable "key_arn" {
  description = "Key of Kubernetes' secrets and of the machines' volumes."
  type        = string
}

variable "logs_key_arn" {
  description = "Key of the control plane's logs."
  type        = string
}

variable "log_days" {
  description = "How long the control plane's logs are kept."
  type        = number
  default     = 90
}

variable "cpu_nodes" {
  description = "Machines for everything that asks for no GPU."
  type = object({
    instance_types = list(string)
    min            = number
    max            = number
    disk_gib       = number
    spot           = bool
  })
}

variable "gpu_nodes" {
  description = "Machines for runs that ask for a GPU; their number begins at zero."
  type = object({
    instance_types = list(string)
    gpus_each      = number
    max            = number
    disk_gib       = number
    spot           = bool
  })
}
