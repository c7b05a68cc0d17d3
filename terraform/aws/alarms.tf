# Who is told: of events that wait or were set aside, and of disks of Kafka and PostgreSQL. The others are Prometheus's.

module "alarms" {
  source = "../modules/aws-alarms"

  name       = "${var.name}-alarms"
  region     = var.region
  account_id = var.account_id
  key_arn    = module.logs_key.arn
  emails     = var.alarm_emails
}

locals {
  alarm_topic_arns = concat([module.alarms.topic_arn], var.alarm_topic_arns)
}

check "somebody_is_told" {
  assert {
    condition     = length(var.alarm_emails) + length(var.alarm_topic_arns) > 0
    error_message = "Nobody is told of an alarm: name alarm_emails, or alarm_topic_arns, or subscribe to the topic yourself."
  }
}
