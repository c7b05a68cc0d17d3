# Where alarms go: a topic to which CloudWatch publishes, and people who are told by e-mail.

resource "aws_sns_topic" "this" {
  name              = var.name
  kms_master_key_id = var.key_arn
}

data "aws_partition" "current" {}

locals {
  arn = "arn:${data.aws_partition.current.partition}:sns:${var.region}:${var.account_id}:${var.name}"
}

data "aws_iam_policy_document" "topic" {
  # Written out: SNS refuses a policy that says sns:*.
  statement {
    sid       = "RefuseWithoutTls"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [local.arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  statement {
    sid       = "AlarmsOfThisAccountTell"
    actions   = ["sns:Publish"]
    resources = [local.arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }
}

resource "aws_sns_topic_policy" "this" {
  arn    = aws_sns_topic.this.arn
  policy = data.aws_iam_policy_document.topic.json
}

# AWS asks each of them by mail first; who does not confirm is told nothing.
resource "aws_sns_topic_subscription" "people" {
  for_each = toset(var.emails)

  topic_arn = aws_sns_topic.this.arn
  protocol  = "email"
  endpoint  = each.value
}
