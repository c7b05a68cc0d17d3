# Our own programs. Dagster knows no users: it is reached from this machine only.

locals {
  # By the modules' outputs, so that nothing starts before the servers are healthy.
  environment = merge(var.settings, {
    RAG_COLLECTIONS    = "/etc/rag/collections"
    RAG_QDRANT_URL     = "http://${module.qdrant.host}:6333"
    RAG_KAFKA          = "${module.kafka.host}:9092"
    RAG_PARQUET        = "s3://${local.bucket}/parquet"
    RAG_LOG_FORMAT     = "json"
    RAG_DAGSTER_URL    = "http://webserver:3000"
    AWS_ENDPOINT_URL   = "http://${module.seaweedfs.host}:8333"
    AWS_ALLOW_HTTP     = "true"
    AWS_REGION         = "us-east-1"
    AWS_DEFAULT_REGION = "us-east-1"
    TMPDIR             = "/var/tmp" # uploads and downloads under way: on a disk, not in the container's memory
  })

  database_url = "postgresql://rag:${var.postgres_password}@${module.postgres.host}:5432"

  secrets = merge(var.secret_settings, {
    RAG_DATABASE_URL         = "${local.database_url}/rag"
    RAG_DAGSTER_DATABASE_URL = "${local.database_url}/dagster"
    RAG_QDRANT_API_KEY       = var.qdrant_api_key
    AWS_ACCESS_KEY_ID        = var.s3_access_key_id
    AWS_SECRET_ACCESS_KEY    = var.s3_secret_access_key
  })

  collections = {
    "/etc/rag/collections" = startswith(var.collections_folder, "/") ? var.collections_folder : abspath("${path.module}/${var.collections_folder}")
  }

  state = { "/var/lib/rag" = docker_volume.this["state"].name, "/var/tmp" = docker_volume.this["spool"].name }

  # Webserver and daemon see Dagster's storage only; the code server does the work.
  dagster = {
    files       = { "/etc/rag/dagster" = "${local.shared}/dagster" }
    environment = { DAGSTER_HOME = "/etc/rag/dagster" }
    secrets = {
      DAGSTER_POSTGRES_URL = "postgresql+psycopg2://rag:${var.postgres_password}@${module.postgres.host}:5432/dagster"
    }
  }
}

# Once, before anything of ours starts, and again with every new image.
module "migrations" {
  source = "../modules/docker-service"

  prefix      = var.name
  name        = "migrations"
  image       = local.images.ingestion
  command     = ["python", "-m", "rag_assets.migrating"]
  memory_mib  = 512
  networks    = local.inside
  environment = merge(local.environment, local.dagster.environment)
  secrets     = merge(local.secrets, local.dagster.secrets)
  volumes     = local.state
  files       = merge(local.collections, local.dagster.files)
}

module "code" {
  source = "../modules/docker-service"

  prefix      = var.name
  name        = "code"
  image       = local.images.ingestion
  memory_mib  = 4096
  networks    = var.code_server_outside ? local.outside : local.inside
  environment = merge(local.environment, local.dagster.environment, { DAGSTER_GRPC_MAX_WORKERS = "24" })
  secrets     = merge(local.secrets, local.dagster.secrets)
  volumes     = local.state
  files       = merge(local.collections, local.dagster.files)
  healthy     = ["CMD", "dagster", "api", "grpc-health-check", "-p", "4000"]

  depends_on = [module.migrations]
}

module "webserver" {
  source = "../modules/docker-service"

  prefix      = var.name
  name        = "webserver"
  image       = local.images.ingestion
  command     = ["dagster-webserver", "-h", "0.0.0.0", "-p", "3000", "-w", "/etc/rag/dagster/workspace.yaml"]
  memory_mib  = 1024
  networks    = local.outside
  published   = { (var.ports.dagster) = 3000 }
  environment = local.dagster.environment
  secrets     = local.dagster.secrets
  volumes     = local.state
  files       = merge(local.collections, local.dagster.files)
  healthy     = ["CMD", "python", "-c", "import sys, urllib.request as r; r.urlopen('http://127.0.0.1:3000/server_info', timeout=4)"]

  depends_on = [module.code]
}

module "daemon" {
  source = "../modules/docker-service"

  prefix      = var.name
  name        = "daemon"
  image       = local.images.ingestion
  command     = ["dagster-daemon", "run", "-w", "/etc/rag/dagster/workspace.yaml"]
  memory_mib  = 1024
  networks    = local.inside
  environment = local.dagster.environment
  secrets     = local.dagster.secrets
  volumes     = local.state
  files       = merge(local.collections, local.dagster.files)
  healthy     = ["CMD", "dagster-daemon", "liveness-check"]

  depends_on = [module.code]
}

# Fresh work gets its run at once; without it the sensors start it some seconds later.
module "launcher" {
  source = "../modules/docker-service"

  prefix      = var.name
  name        = "launcher"
  image       = local.images.ingestion
  command     = ["python", "-m", "sensors.watcher"]
  memory_mib  = 512
  networks    = local.inside
  environment = local.environment
  secrets     = local.secrets
  volumes     = local.state
  files       = merge(local.collections, local.dagster.files)
  healthy     = ["CMD", "python", "-m", "resources.clients.heartbeat"]

  depends_on = [module.webserver]
}

module "listener" {
  source = "../modules/docker-service"

  prefix      = var.name
  name        = "listener"
  image       = local.images.ingestion
  command     = ["python", "-m", "sensors.listener"]
  memory_mib  = 1024
  networks    = local.inside
  environment = local.environment
  secrets     = local.secrets
  volumes     = local.state
  files       = merge(local.collections, local.dagster.files)
  healthy     = ["CMD", "python", "-m", "resources.clients.heartbeat"]

  depends_on = [module.migrations]
}

module "query_api" {
  source = "../modules/docker-service"

  prefix     = var.name
  name       = "query-api"
  image      = local.images.api
  memory_mib = 2048
  networks   = local.outside
  published  = { (var.ports.query_api) = 8000 }
  environment = merge(local.environment, {
    RAG_API_HOSTS   = join(",", compact(["query-api", lookup(var.settings, "RAG_API_HOSTS", "")])) # a proxy's name beside ours
    RAG_DAGSTER_URL = "http://127.0.0.1:${var.ports.dagster}"                                      # in links for people
  })
  secrets = local.secrets
  volumes = local.state
  files   = merge(local.collections, local.dagster.files)
  healthy = ["CMD", "python", "-m", "query_api.alive"]

  depends_on = [module.migrations]
}

module "worker" {
  source = "../modules/docker-service"

  prefix      = var.name
  name        = "worker"
  image       = local.images.api
  command     = ["python", "-m", "query_api.worker"]
  memory_mib  = 2048
  networks    = local.outside
  environment = merge(local.environment, { RAG_WORKER_METRICS = "0.0.0.0:9101" })
  secrets     = local.secrets
  volumes     = local.state
  files       = merge(local.collections, local.dagster.files)
  healthy     = ["CMD", "python", "-m", "resources.clients.heartbeat"]

  depends_on = [module.migrations]
}
