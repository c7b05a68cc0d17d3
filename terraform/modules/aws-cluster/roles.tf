# Who the control plane and the machines are. Pods have roles of their own (aws-service-role).

resource "aws_iam_role" "cluster" {
  name               = "${var.name}-control-plane"
  assume_role_policy = data.aws_iam_policy_document.cluster_trust.json
}

data "aws_iam_policy_document" "cluster_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["eks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy_attachment" "cluster" {
  role       = aws_iam_role.cluster.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/AmazonEKSClusterPolicy"
}

resource "aws_iam_role" "nodes" {
  name               = "${var.name}-nodes"
  assume_role_policy = data.aws_iam_policy_document.nodes_trust.json
}

data "aws_iam_policy_document" "nodes_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy_attachment" "nodes" {
  for_each = toset(["AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"])

  role       = aws_iam_role.nodes.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/${each.value}"
}

module "network_role" {
  source = "../aws-service-role"

  name                = "${var.name}-network"
  provider_arn        = aws_iam_openid_connect_provider.service_accounts.arn
  issuer              = aws_iam_openid_connect_provider.service_accounts.url
  namespace           = "kube-system"
  service_account     = "aws-node"
  managed_policy_arns = { network = "arn:${data.aws_partition.current.partition}:iam::aws:policy/AmazonEKS_CNI_Policy" }
}

module "volumes_role" {
  source = "../aws-service-role"

  name                = "${var.name}-volumes"
  provider_arn        = aws_iam_openid_connect_provider.service_accounts.arn
  issuer              = aws_iam_openid_connect_provider.service_accounts.url
  namespace           = "kube-system"
  service_account     = "ebs-csi-controller-sa"
  managed_policy_arns = { volumes = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy" }

  statements = {
    EncryptVolumes = {
      actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
      resources = [var.key_arn]
    }
    AttachVolumes = {
      actions    = ["kms:CreateGrant"]
      resources  = [var.key_arn]
      conditions = [{ test = "Bool", variable = "kms:GrantIsForAWSResource", values = ["true"] }]
    }
  }
}

# What sees a pod that fits nowhere and asks its group for a machine: from zero, too.
module "autoscaler_role" {
  source = "../aws-service-role"

  name            = "${var.name}-autoscaler"
  provider_arn    = aws_iam_openid_connect_provider.service_accounts.arn
  issuer          = aws_iam_openid_connect_provider.service_accounts.url
  namespace       = "kube-system"
  service_account = "cluster-autoscaler"

  statements = {
    # AWS knows no narrower resource for actions that only look.
    Look = {
      actions = [
        "autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeAutoScalingInstances",
        "autoscaling:DescribeLaunchConfigurations", "autoscaling:DescribeScalingActivities", "autoscaling:DescribeTags",
        "ec2:DescribeImages", "ec2:DescribeInstanceTypes", "ec2:DescribeLaunchTemplateVersions",
        "ec2:GetInstanceTypesFromInstanceRequirements",
      ]
      resources = ["*"]
    }
    Groups = {
      actions   = ["eks:DescribeNodegroup"]
      resources = ["arn:${data.aws_partition.current.partition}:eks:${var.region}:${var.account_id}:nodegroup/${var.name}/*"]
    }
    Scale = {
      actions    = ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"]
      resources  = ["arn:${data.aws_partition.current.partition}:autoscaling:${var.region}:${var.account_id}:autoScalingGroup:*:autoScalingGroupName/eks-*"]
      conditions = [{ test = "StringEquals", variable = "aws:ResourceTag/eks:cluster-name", values = [var.name] }]
    }
  }
}
