# What happens in a bucket becomes messages in a queue; what was received too often without being recorded is set aside.

resource "aws_sqs_queue" "events" {
  name                       = var.name
  message_retention_seconds  = 14 * 24 * 3600
  visibility_timeout_seconds = var.visibility_timeout_s
  receive_wait_time_seconds  = 20

  kms_master_key_id                 = var.key_arn
  kms_data_key_reuse_period_seconds = 3600

  redrive_policy = jsonencode({
    deadLetterTargetArn = local.queue_arns.set_aside
    maxReceiveCount     = var.max_receives
  })

  depends_on = [aws_sqs_queue.set_aside]
}

resource "aws_sqs_queue" "set_aside" {
  name                      = "${var.name}-set-aside"
  message_retention_seconds = 14 * 24 * 3600

  kms_master_key_id                 = var.key_arn
  kms_data_key_reuse_period_seconds = 3600
}

resource "aws_sqs_queue_redrive_allow_policy" "set_aside" {
  queue_url = aws_sqs_queue.set_aside.id

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.events.arn]
  })
}

data "aws_partition" "current" {}

locals {
  queue_arns = {
    events    = "arn:${data.aws_partition.current.partition}:sqs:${var.region}:${var.account_id}:${var.name}"
    set_aside = "arn:${data.aws_partition.current.partition}:sqs:${var.region}:${var.account_id}:${var.name}-set-aside"
  }
}

data "aws_iam_policy_document" "queue" {
  for_each = local.queue_arns

  statement {
    sid       = "RefuseWithoutTls"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [each.value]

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

  dynamic "statement" {
    for_each = each.key == "events" ? ["bucket"] : []

    content {
      sid       = "TheBucketsSend"
      actions   = ["sqs:SendMessage"]
      resources = [each.value]

      principals {
        type        = "Service"
        identifiers = ["s3.amazonaws.com"]
      }

      condition {
        test     = "ArnEquals"
        variable = "aws:SourceArn"
        values   = concat([var.bucket_arn], var.other_bucket_arns)
      }

      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [var.account_id]
      }
    }
  }
}

resource "aws_sqs_queue_policy" "events" {
  queue_url = aws_sqs_queue.events.id
  policy    = data.aws_iam_policy_document.queue["events"].json
}

resource "aws_sqs_queue_policy" "set_aside" {
  queue_url = aws_sqs_queue.set_aside.id
  policy    = data.aws_iam_policy_document.queue["set_aside"].json
}

resource "aws_s3_bucket_notification" "this" {
  bucket = var.bucket

  queue {
    id            = "every-change"
    queue_arn     = aws_sqs_queue.events.arn
    events        = ["s3:LifecycleExpiration:*", "s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectRestore:Completed", "s3:ObjectTagging:*"]
    filter_prefix = var.prefix
  }

  depends_on = [aws_sqs_queue_policy.events] # S3 sends a test message when this is made, and must be let in
}

# Messages set aside wait for a person; nobody looks at an empty queue.
resource "aws_cloudwatch_metric_alarm" "set_aside" {
  alarm_name          = "${var.name}-set-aside"
  alarm_description   = "Object events were received ${var.max_receives} times and never recorded."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = "${var.name}-set-aside" }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
}

# A listener reads within seconds. Without one, events wait until they are dropped, and sweeps hide it.
resource "aws_cloudwatch_metric_alarm" "unread" {
  alarm_name          = "${var.name}-unread"
  alarm_description   = "Object events have waited for a quarter of an hour: the listener does not run, or may not read its queue."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = var.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 2
  threshold           = 900
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
}
