# The parts, from the network up. What the chart needs of them is the output helm_values.

module "network" {
  source = "../modules/aws-network"

  name               = var.name
  region             = var.region
  account_id         = var.account_id
  cidr               = var.vpc_cidr
  availability_zones = var.availability_zones
  internet_egress    = var.internet_egress
  internet_entrance  = var.internet_entrance
  logs_key_arn       = module.logs_key.arn
}

module "cluster" {
  source = "../modules/aws-cluster"

  name               = var.name
  region             = var.region
  account_id         = var.account_id
  kubernetes_version = var.kubernetes_version
  subnet_ids         = module.network.private_subnet_ids
  public_cidrs       = var.cluster_api_cidrs
  administrator_arns = var.administrator_arns
  cpu_nodes          = var.cpu_nodes
  gpu_nodes          = var.gpu_nodes
  key_arn            = module.cluster_key.arn
  logs_key_arn       = module.logs_key.arn
}

module "database" {
  source = "../modules/aws-database"

  name                     = var.name
  vpc_id                   = module.network.vpc_id
  subnet_ids               = module.network.private_subnet_ids
  client_security_group_id = module.cluster.security_group_id
  postgres_version         = var.database.version
  instance_class           = var.database.instance_class
  disk_gib                 = var.database.disk_gib
  max_disk_gib             = var.database.max_disk_gib
  backup_days              = var.database.backup_days
  database                 = local.database
  username                 = local.database_user
  password                 = var.database_password
  password_version         = var.passwords_version
  key_arn                  = module.data_key.arn
  logs_key_arn             = module.logs_key.arn
  alarm_topic_arns         = local.alarm_topic_arns
}

module "kafka" {
  source = "../modules/aws-kafka"

  name                     = var.name
  vpc_id                   = module.network.vpc_id
  subnet_ids               = module.network.private_subnet_ids
  client_security_group_id = module.cluster.security_group_id
  kafka_version            = var.kafka.version
  instance_type            = var.kafka.instance_type
  disk_gib                 = var.kafka.disk_gib
  retention_hours          = var.kafka.retention_hours
  credentials_secret_arn   = module.secrets.arns[local.secret_names.kafka]
  key_arn                  = module.data_key.arn
  logs_key_arn             = module.logs_key.arn
  alarm_topic_arns         = local.alarm_topic_arns

  depends_on = [module.secrets] # the login's value, too
}

module "registry" {
  source = "../modules/aws-registry"

  name         = var.name
  repositories = concat(["ingestion", "api"], var.mirrored_images)
  key_arn      = module.data_key.arn
}
