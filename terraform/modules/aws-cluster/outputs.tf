output "name" {
  description = "The cluster's name."
  value       = aws_eks_cluster.this.name
}

output "security_group_id" {
  description = "Security group of the machines."
  value       = aws_eks_cluster.this.vpc_config[0].cluster_security_group_id
}

output "service_accounts" {
  description = "The identity provider by which service accounts take roles."
  value = {
    provider_arn = aws_iam_openid_connect_provider.service_accounts.arn
    issuer       = aws_iam_openid_connect_provider.service_accounts.url
  }
}

output "autoscaler_role_arn" {
  description = "Role of the service account kube-system/cluster-autoscaler."
  value       = module.autoscaler_role.arn
}
