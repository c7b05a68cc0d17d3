# What the defaults make, with no provider behind it: `tofu test`.

mock_provider "aws" {
  mock_resource "aws_kms_key" {
    defaults = {
      arn = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = {
      arn = "arn:aws:logs:eu-central-1:123456789012:log-group:mocked"
    }
  }

  mock_resource "aws_eks_cluster" {
    defaults = {
      identity = [{ oidc = [{ issuer = "https://mocked.example" }] }]
    }
  }

  mock_resource "aws_launch_template" {
    defaults = {
      id             = "lt-00000000000000000"
      latest_version = 1
    }
  }

  mock_resource "aws_eks_node_group" {
    defaults = {
      resources = [{ autoscaling_groups = [{ name = "mocked" }], remote_access_security_group_id = "" }]
    }
  }

  mock_resource "aws_iam_role" {
    defaults = {
      arn = "arn:aws:iam::123456789012:role/mocked"
    }
  }

  mock_resource "aws_iam_openid_connect_provider" {
    defaults = {
      arn = "arn:aws:iam::123456789012:oidc-provider/mocked"
    }
  }

  mock_resource "aws_secretsmanager_secret" {
    defaults = {
      arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:mocked"
    }
  }

  mock_resource "aws_sqs_queue" {
    defaults = {
      arn = "arn:aws:sqs:eu-central-1:123456789012:mocked"
    }
  }

  mock_resource "aws_sns_topic" {
    defaults = {
      arn = "arn:aws:sns:eu-central-1:123456789012:mocked"
    }
  }

  mock_resource "aws_msk_configuration" {
    defaults = {
      arn = "arn:aws:kafka:eu-central-1:123456789012:configuration/mocked/1"
    }
  }

  mock_resource "aws_msk_cluster" {
    defaults = {
      arn                          = "arn:aws:kafka:eu-central-1:123456789012:cluster/mocked/1"
      bootstrap_brokers_sasl_scram = "b-1.mocked.example:9096,b-2.mocked.example:9096"
    }
  }

  mock_resource "aws_ecr_repository" {
    defaults = {
      repository_url = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/mocked"
    }
  }

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
  alarm_emails       = ["oncall@example.com"]
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
    condition     = output.helm_values.kafka.bootstrapServers == "b-1.mocked.example:9096,b-2.mocked.example:9096"
    error_message = "Pods must get the brokers that take a SCRAM login over TLS."
  }

  assert {
    condition     = output.helm_values.objectStore.parquet == "s3://rag-123456789012-artifacts/parquet"
    error_message = "Parquet must lie in the bucket of artifacts."
  }

  assert {
    condition     = contains(output.helm_values.monitoring.prometheusRule.volumeNamespaces, "qdrant")
    error_message = "The alert on full volumes must look where the index is."
  }

  assert {
    condition     = output.helm_values.serviceAccounts.runs.annotations["eks.amazonaws.com/role-arn"] == "arn:aws:iam::123456789012:role/mocked"
    error_message = "Runs must take the role made for them."
  }

  assert {
    condition     = length(output.helm_values.serviceAccounts.daemon.annotations) == 0
    error_message = "The daemon needs nothing of AWS, and must have no role."
  }

  assert {
    condition     = output.helm_values.listener.enabled
    error_message = "Nothing else reads the queue of object events."
  }

  assert {
    condition     = output.helm_values.recovery.backupUrl == "s3://rag-123456789012-backups/rag" && output.helm_values.recovery.enabled
    error_message = "Backups must go into the bucket that recovery's role may write."
  }

  assert {
    condition     = length(output.helm_values.serviceAccounts.recovery.annotations) == 1
    error_message = "Recovery must take the role made for it."
  }

  assert {
    condition     = length(local.may.write_uploads.WriteUploads.resources) == 1 && !contains(keys(local.may.read_sources), "DecryptSources")
    error_message = "Without further buckets there is one place for uploads and no further key."
  }

  assert {
    condition     = output.secret_names.kafka == "AmazonMSK_rag_ingestion"
    error_message = "MSK takes only secrets whose names begin with AmazonMSK_."
  }
}

run "further_buckets_are_read_and_never_written" {
  command = plan

  variables {
    upload_prefixes = ["handbook/uploads/", "contracts/uploads/"]
    source_buckets = {
      our-contracts = { key_arn = "arn:aws:kms:eu-central-1:123456789012:key/11111111-1111-1111-1111-111111111111" }
      our-letters   = {}
    }
  }

  assert {
    condition     = alltrue([for role in ["ingestion", "runs", "api", "recovery"] : contains(local.service_accounts[role].ReadSources.resources, "arn:aws:s3:::our-contracts/*") && contains(local.service_accounts[role].ListSources.resources, "arn:aws:s3:::our-letters")])
    error_message = "Everybody who reads sources must read these."
  }

  assert {
    condition     = local.may.read_sources.DecryptSources.resources == tolist(["arn:aws:kms:eu-central-1:123456789012:key/11111111-1111-1111-1111-111111111111"])
    error_message = "What is read must be decrypted, with the keys named and no others."
  }

  assert {
    condition     = tolist(local.may.write_uploads.WriteUploads.resources) == tolist(["arn:aws:s3:::rag-123456789012-documents/handbook/uploads/*", "arn:aws:s3:::rag-123456789012-documents/contracts/uploads/*"])
    error_message = "Uploads go to the folders named, in the documents' bucket."
  }
}

run "without_uploads_nothing_is_written_to_sources" {
  command = plan

  variables {
    upload_prefixes = []
  }

  assert {
    condition     = !contains(keys(local.service_accounts.api), "WriteUploads")
    error_message = "No folder, no right."
  }
}

run "a_bucket_is_named_without_wildcards" {
  command = plan

  variables {
    source_buckets = { "our-*" = {} }
  }

  expect_failures = [var.source_buckets]
}

run "a_chat_key_is_copied_when_asked_for" {
  command = plan

  variables {
    chat_key = true
  }

  assert {
    condition     = length(output.in_cluster.items) == 12
    error_message = "Two namespaces, a class of disks, two readers with their stores, five secrets."
  }
}

run "an_entrance_needs_public_subnets" {
  command = plan

  variables {
    internet_entrance = true
  }

  expect_failures = [var.internet_entrance]
}

run "a_version_without_standard_support_is_refused" {
  command = plan

  variables {
    kubernetes_version = "1.33"
  }

  expect_failures = [var.kubernetes_version]
}

run "alarms_that_nobody_hears_are_said" {
  command = plan

  variables {
    alarm_emails = []
  }

  expect_failures = [check.somebody_is_told]
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
