# The servers that others make. None is published.

module "postgres" {
  source = "../modules/docker-service"

  prefix      = var.name
  name        = "postgres"
  image       = local.images.postgres
  user        = "postgres"
  memory_mib  = 2048
  networks    = local.inside
  volumes     = { "/var/lib/postgresql/data" = docker_volume.this["postgres"].name }
  files       = { "/docker-entrypoint-initdb.d/900-databases.sql" = "${local.shared}/postgres/databases.sql" }
  scratch     = ["/tmp", "/var/run/postgresql"]
  environment = { POSTGRES_USER = "rag", POSTGRES_DB = "rag", TIMESCALEDB_TELEMETRY = "off" }
  secrets     = { POSTGRES_PASSWORD = var.postgres_password }
  healthy     = ["CMD", "pg_isready", "--quiet", "--username=rag", "--dbname=rag", "--host=127.0.0.1"]
}

module "qdrant" {
  source = "../modules/docker-service"

  prefix     = var.name
  name       = "qdrant"
  image      = local.images.qdrant
  memory_mib = 2048
  networks   = local.inside
  volumes    = { "/qdrant/storage" = docker_volume.this["qdrant"].name }

  environment = {
    QDRANT__TELEMETRY_DISABLED      = "true"
    QDRANT__STORAGE__SNAPSHOTS_PATH = "/qdrant/storage/snapshots"
    QDRANT_INIT_FILE_PATH           = "/tmp/.qdrant-initialized"
  }
  secrets = { QDRANT__SERVICE__API_KEY = var.qdrant_api_key }

  # The image has no HTTP client.
  healthy = ["CMD", "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/6333 && printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3 && grep -q ' 200 ' <&3"]
}

module "seaweedfs" {
  source = "../modules/docker-service"

  prefix       = var.name
  name         = "seaweedfs"
  image        = local.images.seaweedfs
  entrypoint   = ["weed"]
  memory_mib   = 1024
  networks     = local.inside
  volumes      = { "/data" = docker_volume.this["seaweedfs"].name }
  capabilities = ["DAC_OVERRIDE"] # the volume may belong to the image's own user

  command = [
    "mini", "-dir=/data", "-ip=seaweedfs", "-ip.bind=0.0.0.0", "-bucket=${local.bucket}", "-s3.port=8333",
    "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false", "-admin.ui=false", "-webdav=false",
  ]
  secrets = { AWS_ACCESS_KEY_ID = var.s3_access_key_id, AWS_SECRET_ACCESS_KEY = var.s3_secret_access_key }
  healthy = ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8333/healthz"]
}

module "kafka" {
  source = "../modules/docker-service"

  prefix     = var.name
  name       = "kafka"
  image      = local.images.kafka
  memory_mib = 1536
  read_only  = false # the image writes its configuration from the variables below
  scratch    = []    # Kafka's compressors run from /tmp
  networks   = local.inside
  volumes    = { "/var/lib/kafka/data" = docker_volume.this["kafka"].name }

  environment = {
    KAFKA_NODE_ID                                  = "1"
    KAFKA_PROCESS_ROLES                            = "broker,controller"
    KAFKA_LISTENERS                                = "BROKER://:9092,CONTROLLER://127.0.0.1:9093"
    KAFKA_ADVERTISED_LISTENERS                     = "BROKER://kafka:9092"
    KAFKA_LISTENER_SECURITY_PROTOCOL_MAP           = "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT"
    KAFKA_INTER_BROKER_LISTENER_NAME               = "BROKER"
    KAFKA_CONTROLLER_LISTENER_NAMES                = "CONTROLLER"
    KAFKA_CONTROLLER_QUORUM_VOTERS                 = "1@127.0.0.1:9093"
    KAFKA_LOG_DIRS                                 = "/var/lib/kafka/data"
    KAFKA_AUTO_CREATE_TOPICS_ENABLE                = "false"
    KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR         = "1"
    KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR = "1"
    KAFKA_TRANSACTION_STATE_LOG_MIN_ISR            = "1"
    KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS         = "0"
    KAFKA_HEAP_OPTS                                = "-Xms512m -Xmx512m"
  }

  healthy = ["CMD", "/opt/kafka/bin/kafka-broker-api-versions.sh", "--bootstrap-server", "127.0.0.1:9092"]
}
