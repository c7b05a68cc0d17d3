# Who talked to whom, kept for an investigation.

resource "aws_cloudwatch_log_group" "flows" {
  name              = "/${var.name}/network-flows"
  retention_in_days = var.flow_log_days
  kms_key_id        = var.logs_key_arn
}

resource "aws_flow_log" "this" {
  vpc_id          = aws_vpc.this.id
  traffic_type    = "ALL"
  log_destination = aws_cloudwatch_log_group.flows.arn
  iam_role_arn    = aws_iam_role.flows.arn
}

resource "aws_iam_role" "flows" {
  name               = "${var.name}-network-flows"
  assume_role_policy = data.aws_iam_policy_document.flows_trust.json
}

data "aws_iam_policy_document" "flows_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["vpc-flow-logs.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }
}

data "aws_iam_policy_document" "flows" {
  statement {
    actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = [aws_cloudwatch_log_group.flows.arn, "${aws_cloudwatch_log_group.flows.arn}:*"]
  }
}

resource "aws_iam_role_policy" "flows" {
  name   = "write-flow-logs"
  role   = aws_iam_role.flows.id
  policy = data.aws_iam_policy_document.flows.json
}
