# What the defaults make, with no provider behind it: `tofu test`.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
}

variables {
  account_id         = "123456789012"
  region             = "eu-central-1"
  availability_zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
  administrator_arns = ["arn:aws:iam::123456789012:role/platform"]
  database_password  = "not-a-password-of-anything"
  kafka_password     = "not-a-password-of-anything"
}

run "the_defaults_are_closed" {
  command = plan

  assert {
    condition     = length(module.network.private_subnet_ids) == 3
    error_message = "There must be a private subnet a zone."
  }

  assert {
    condition     = module.notifications.queue_arn == "arn:aws:sqs:eu-central-1:123456789012:rag-object-events"
    error_message = "The queue's ARN must follow from its name."
  }

  assert {
    condition     = output.secret_names.kafka == "AmazonMSK_rag_ingestion"
    error_message = "MSK takes only secrets whose names begin with AmazonMSK_."
  }
}

run "two_zones_are_too_few" {
  command = plan

  variables {
    availability_zones = ["eu-central-1a", "eu-central-1b"]
  }

  expect_failures = [var.availability_zones]
}

run "zones_of_another_region_are_refused" {
  command = plan

  variables {
    availability_zones = ["us-east-1a", "us-east-1b", "us-east-1c"]
  }

  expect_failures = [var.availability_zones]
}

run "the_whole_internet_does_not_reach_the_cluster" {
  command = plan

  variables {
    cluster_api_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.cluster_api_cidrs]
}

run "half_the_internet_does_not_either" {
  command = plan

  variables {
    cluster_api_cidrs = ["0.0.0.0/1"]
  }

  expect_failures = [var.cluster_api_cidrs]
}

run "a_cluster_without_administrators_is_refused" {
  command = plan

  variables {
    administrator_arns = []
  }

  expect_failures = [var.administrator_arns]
}

run "an_account_has_twelve_digits" {
  command = plan

  variables {
    account_id = "12345"
  }

  expect_failures = [var.account_id]
}

run "a_short_password_is_refused" {
  command = plan

  variables {
    database_password = "short"
  }

  expect_failures = [var.database_password]
}

run "one_machine_is_too_few" {
  command = plan

  variables {
    cpu_nodes = { min = 1 }
  }

  expect_failures = [var.cpu_nodes]
}
