terraform {
  required_version = ">= 1.11" # write-only arguments: passwords are in no state

  required_providers {
    aws = {
      source  = "registry.terraform.io/hashicorp/aws"
      version = "5.100.0"
    }
  }
}

provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = {
      project     = "rag-assets"
      environment = var.name
    }
  }
}
