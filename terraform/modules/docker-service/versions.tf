terraform {
  required_version = ">= 1.11"

  required_providers {
    docker = {
      source  = "registry.terraform.io/kreuzwerker/docker"
      version = "~> 4.6"
    }
  }
}
