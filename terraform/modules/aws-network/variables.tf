variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "region" {
  description = "Region of the endpoints."
  type        = string
}

variable "account_id" {
  description = "Account that the flow logs' role serves."
  type        = string
}

variable "cidr" {
  description = "Addresses of the network, a /16 to /20."
  type        = string

  validation {
    condition     = can(cidrnetmask(var.cidr)) && try(tonumber(split("/", var.cidr)[1]), 0) >= 16 && try(tonumber(split("/", var.cidr)[1]), 99) <= 20
    error_message = "cidr must be an IPv4 range from /16 to /20, such as 10.40.0.0/16."
  }
}

variable "availability_zones" {
  description = "Zones, each with a private subnet."
  type        = list(string)
}

variable "interface_endpoints" {
  description = "AWS services that are reached inside the network."
  type        = list(string)
  default = [
    "autoscaling", "ec2", "ecr.api", "ecr.dkr", "eks", "elasticloadbalancing", "kms", "logs", "secretsmanager", "sqs", "sts",
  ]
}

variable "internet_egress" {
  description = "Whether machines reach the Internet, by address translation; nothing reaches them either way."
  type        = bool
  default     = false
}

variable "internet_entrance" {
  description = "Whether load balancers may stand in the public subnets, where the Internet reaches them."
  type        = bool
  default     = false
}

variable "logs_key_arn" {
  description = "Key of the flow logs."
  type        = string
}

variable "flow_log_days" {
  description = "How long flow logs are kept."
  type        = number
  default     = 90
}
