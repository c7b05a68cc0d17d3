variable "name" {
  description = "Prefix of every name; two installations in one account have two names."
  type        = string
  default     = "rag"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,19}[a-z0-9]$", var.name))
    error_message = "name must have 3 to 21 lower-case letters, digits and hyphens, and begin with a letter."
  }
}

variable "account_id" {
  description = "The AWS account that this may touch; another one's credentials are refused."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be the 12 digits of an AWS account."
  }
}

variable "region" {
  description = "Region of everything."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be the name of an AWS region, such as eu-central-1."
  }
}

variable "availability_zones" {
  description = "Three zones of the region, by name: Kafka keeps a copy in each."
  type        = list(string)

  validation {
    condition     = length(distinct(var.availability_zones)) == 3 && alltrue([for zone in var.availability_zones : startswith(zone, var.region)])
    error_message = "availability_zones must be three different zones of the region, such as eu-central-1a, -1b and -1c."
  }
}

variable "vpc_cidr" {
  description = "Addresses of the network."
  type        = string
  default     = "10.40.0.0/16"
}

variable "internet_egress" {
  description = "Whether pods reach the Internet (a chat model elsewhere, public images); nothing reaches them either way."
  type        = bool
  default     = false
}

variable "internet_entrance" {
  description = "Whether Kubernetes may put load balancers where the Internet reaches them; else they have private addresses."
  type        = bool
  default     = false

  validation {
    condition     = !var.internet_entrance || var.internet_egress
    error_message = "internet_entrance needs internet_egress, which makes the public subnets."
  }
}

variable "administrator_arns" {
  description = "IAM roles that administer the cluster."
  type        = list(string)

  validation {
    condition     = length(var.administrator_arns) > 0 && alltrue([for arn in var.administrator_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/", arn))])
    error_message = "administrator_arns must name one IAM role at least, as arn:aws:iam::ACCOUNT:role/NAME: else nobody can use the cluster."
  }
}

variable "cluster_api_cidrs" {
  description = "Addresses outside the network from which Kubernetes' API is reached; none: only from inside."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for cidr in var.cluster_api_cidrs : can(cidrnetmask(cidr)) && try(tonumber(split("/", cidr)[1]), 0) >= 16])
    error_message = "cluster_api_cidrs must be IPv4 ranges of /16 or smaller, such as 198.51.100.0/24; never the whole Internet."
  }
}

variable "kubernetes_version" {
  description = "Minor version of Kubernetes; EKS raises it by itself when its standard support ends, 14 months after it came."
  type        = string
  default     = "1.36"

  validation {
    condition     = can(regex("^1\\.(3[4-9]|[4-9][0-9])$", var.kubernetes_version))
    error_message = "kubernetes_version must be 1.34 or later, as MAJOR.MINOR: older ones have left EKS's standard support."
  }
}

variable "cpu_nodes" {
  description = "Machines for everything that asks for no GPU."
  type = object({
    instance_types = optional(list(string), ["m7i.xlarge"])
    min            = optional(number, 2)
    max            = optional(number, 10)
    disk_gib       = optional(number, 80)
    spot           = optional(bool, false)
  })
  default = {}

  validation {
    condition     = var.cpu_nodes.min >= 2 && var.cpu_nodes.max >= var.cpu_nodes.min
    error_message = "cpu_nodes needs a min of 2 (one may go at any time) and a max that is not smaller."
  }
}

variable "gpu_nodes" {
  description = "Machines for runs that ask for a GPU; their number begins at zero and returns to it."
  type = object({
    instance_types = optional(list(string), ["g6.xlarge"])
    gpus_each      = optional(number, 1)
    max            = optional(number, 2)
    disk_gib       = optional(number, 120)
    spot           = optional(bool, true)
  })
  default = {}

  validation {
    condition     = var.gpu_nodes.max >= 1 && var.gpu_nodes.gpus_each >= 1
    error_message = "gpu_nodes needs a max of 1 at least, and one GPU a machine; machines cost nothing while none is asked for."
  }
}

variable "kafka" {
  description = "Kafka: its version, the size of its brokers, how long messages stay."
  type = object({
    version         = optional(string, "3.9.x.kraft")
    instance_type   = optional(string, "kafka.m7g.large")
    disk_gib        = optional(number, 200)
    retention_hours = optional(number, 168)
  })
  default = {}
}

variable "database" {
  description = "PostgreSQL: its version, its size, how far back it can be restored."
  type = object({
    version        = optional(string, "17")
    instance_class = optional(string, "db.m7g.large")
    disk_gib       = optional(number, 100)
    max_disk_gib   = optional(number, 500)
    backup_days    = optional(number, 14)
  })
  default = {}
}

variable "mirrored_images" {
  description = "Repositories for images of others that the cluster runs, since it fetches none from the Internet."
  type        = list(string)
  default = [
    "cluster-autoscaler", "external-secrets", "keda", "keda-admission-webhooks", "keda-metrics-apiserver",
    "nvidia-device-plugin", "oauth2-proxy", "qdrant", "traefik",
  ]
}
