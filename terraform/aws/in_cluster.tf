# What the cluster holds before the chart: namespaces, disks under our key, and copies of the secrets by External Secrets.
# tofu output -json in_cluster | kubectl apply -f -

locals {
  # Who reads which secrets: each namespace its own, by a service account that no pod runs as.
  secret_copies = {
    (var.namespace) = merge(
      { rag-database = local.secret_names.database, rag-kafka = local.secret_names.kafka, rag-qdrant = local.secret_names.qdrant },
      { for name in var.chat_key ? ["rag-chat"] : [] : name => local.secret_names.chat },
    )
    (var.qdrant_namespace) = { qdrant = local.secret_names.qdrant }
  }

  secrets_service_account = "rag-secrets"

  namespaces = [
    {
      apiVersion = "v1"
      kind       = "Namespace"
      metadata   = { name = var.namespace, labels = { "pod-security.kubernetes.io/enforce" = "restricted" } }
    },
    {
      apiVersion = "v1"
      kind       = "Namespace"
      metadata   = { name = var.qdrant_namespace }
    },
  ]

  # EKS makes no default class. Qdrant's volume holds every text: it is under our key, and stays when its claim is deleted.
  storage_classes = [{
    apiVersion = "storage.k8s.io/v1"
    kind       = "StorageClass"
    metadata = {
      name        = "encrypted"
      annotations = { "storageclass.kubernetes.io/is-default-class" = "true" }
    }
    provisioner          = "ebs.csi.aws.com"
    parameters           = { type = "gp3", encrypted = "true", kmsKeyId = module.cluster_key.arn }
    volumeBindingMode    = "WaitForFirstConsumer"
    allowVolumeExpansion = true
    reclaimPolicy        = "Retain"
  }]

  secret_readers = flatten([for namespace in keys(local.secret_copies) : [
    {
      apiVersion = "v1"
      kind       = "ServiceAccount"
      metadata = {
        name        = local.secrets_service_account
        namespace   = namespace
        annotations = { "eks.amazonaws.com/role-arn" = module.secrets_role[namespace].arn }
      }
      automountServiceAccountToken = false
    },
    {
      apiVersion = "external-secrets.io/v1"
      kind       = "SecretStore"
      metadata   = { name = local.secrets_service_account, namespace = namespace }
      spec = {
        provider = {
          aws = {
            service = "SecretsManager"
            region  = var.region
            auth    = { jwt = { serviceAccountRef = { name = local.secrets_service_account } } }
          }
        }
      }
    },
  ]])

  external_secrets = flatten([for namespace, copies in local.secret_copies : [for name, secret in copies : {
    apiVersion = "external-secrets.io/v1"
    kind       = "ExternalSecret"
    metadata   = { name = name, namespace = namespace }
    spec = {
      refreshInterval = "1h"
      secretStoreRef  = { kind = "SecretStore", name = local.secrets_service_account }
      target          = { name = name, creationPolicy = "Owner" }
      dataFrom        = [{ extract = { key = secret } }]
    }
  }]])
}

# For the External Secrets operator, which reads as these service accounts and copies into their namespaces.
module "secrets_role" {
  source   = "../modules/aws-service-role"
  for_each = local.secret_copies

  name            = each.key == var.namespace ? "${var.name}-secrets" : "${var.name}-qdrant-secrets"
  provider_arn    = module.cluster.service_accounts.provider_arn
  issuer          = module.cluster.service_accounts.issuer
  namespace       = each.key
  service_account = local.secrets_service_account

  statements = {
    ReadSecrets = {
      actions   = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
      resources = [for secret in distinct(values(each.value)) : module.secrets.arns[secret]]
    }
    Decrypt = { actions = ["kms:Decrypt"], resources = [module.data_key.arn] }
  }
}
