# Two groups of machines: CPU for everything, and GPU for runs that ask for it, which costs nothing while none does.

locals {
  groups = {
    cpu = merge(var.cpu_nodes, { ami = "AL2023_x86_64_STANDARD", labels = {}, taints = {} })
    gpu = merge(var.gpu_nodes, {
      min    = 0
      ami    = "AL2023_x86_64_NVIDIA"
      labels = { "nvidia.com/gpu.present" = "true" }
      taints = { "nvidia.com/gpu" = "present" } # only what tolerates it, and asks for a GPU, comes here
    })
  }

  # What the autoscaler must know of a group that has no machine it could look at.
  hints = merge(
    { for name, value in local.groups.gpu.labels : "label/${name}" => value },
    { for name, value in local.groups.gpu.taints : "taint/${name}" => "${value}:NoSchedule" },
    { "label/pool" = "gpu", "resources/nvidia.com/gpu" = tostring(var.gpu_nodes.gpus_each) },
  )
}

resource "aws_launch_template" "nodes" {
  for_each = local.groups

  name_prefix            = "${var.name}-${each.key}-"
  update_default_version = true

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_type           = "gp3"
      volume_size           = each.value.disk_gib
      encrypted             = true
      kms_key_id            = var.key_arn
      delete_on_termination = true
    }
  }

  # Tokens, and one hop: a pod cannot ask for the machine's own credentials.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  tag_specifications {
    resource_type = "instance"
    tags          = { Name = "${var.name}-${each.key}" }
  }
}

resource "aws_eks_node_group" "this" {
  for_each = local.groups

  cluster_name    = aws_eks_cluster.this.name
  node_group_name = each.key
  node_role_arn   = aws_iam_role.nodes.arn
  subnet_ids      = var.subnet_ids
  ami_type        = each.value.ami
  instance_types  = each.value.instance_types
  capacity_type   = each.value.spot ? "SPOT" : "ON_DEMAND"
  labels          = merge(each.value.labels, { pool = each.key })

  launch_template {
    id      = aws_launch_template.nodes[each.key].id
    version = aws_launch_template.nodes[each.key].latest_version
  }

  scaling_config {
    min_size     = each.value.min
    max_size     = each.value.max
    desired_size = each.value.min
  }

  update_config {
    max_unavailable_percentage = 25
  }

  dynamic "taint" {
    for_each = each.value.taints

    content {
      key    = taint.key
      value  = taint.value
      effect = "NO_SCHEDULE"
    }
  }

  lifecycle {
    ignore_changes = [scaling_config[0].desired_size] # the autoscaler's business
  }

  depends_on = [aws_iam_role_policy_attachment.nodes, aws_eks_addon.network]
}

resource "aws_autoscaling_group_tag" "gpu" {
  for_each = local.hints

  autoscaling_group_name = aws_eks_node_group.this["gpu"].resources[0].autoscaling_groups[0].name

  tag {
    key                 = "k8s.io/cluster-autoscaler/node-template/${each.key}"
    value               = each.value
    propagate_at_launch = false
  }
}
