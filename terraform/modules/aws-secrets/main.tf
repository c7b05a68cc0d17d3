# Secrets by name. Those with a value get it write-only, so that it is in no plan and in no state; the others are put in
# by whoever knows them (aws secretsmanager put-secret-value).

resource "aws_secretsmanager_secret" "this" {
  for_each = var.secrets

  name                    = each.key
  description             = each.value
  kms_key_id              = var.key_arn
  recovery_window_in_days = 30
}

resource "aws_secretsmanager_secret_version" "this" {
  for_each = var.versions

  secret_id                = aws_secretsmanager_secret.this[each.key].id
  secret_string_wo         = var.values[each.key]
  secret_string_wo_version = each.value
}

locals {
  read_by_kafka = toset([for name in keys(var.secrets) : name if startswith(name, "AmazonMSK_")])
}

data "aws_iam_policy_document" "kafka" {
  for_each = local.read_by_kafka

  statement {
    sid       = "KafkaReadsItsLogins"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [aws_secretsmanager_secret.this[each.value].arn]

    principals {
      type        = "Service"
      identifiers = ["kafka.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }
}

resource "aws_secretsmanager_secret_policy" "kafka" {
  for_each = local.read_by_kafka

  secret_arn          = aws_secretsmanager_secret.this[each.value].arn
  policy              = data.aws_iam_policy_document.kafka[each.value].json
  block_public_policy = true
}
