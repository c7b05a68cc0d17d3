# Only with internet_egress: the way out, one translator a zone, so that a zone's loss cuts off no other. Nothing gets in
# but, with internet_entrance, through load balancers that somebody asks Kubernetes for.

locals {
  egress = var.internet_egress ? local.subnets : {}
}

resource "aws_internet_gateway" "this" {
  count = var.internet_egress ? 1 : 0

  vpc_id = aws_vpc.this.id

  tags = { Name = var.name }
}

resource "aws_subnet" "translators" {
  for_each = local.egress

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.key
  cidr_block              = each.value.public
  map_public_ip_on_launch = false

  tags = merge(
    { Name = "${var.name}-translators-${each.key}" },
    var.internet_entrance ? { "kubernetes.io/role/elb" = "1" } : {}, # without it Kubernetes finds no place for a public one
  )
}

resource "aws_route_table" "translators" {
  count = var.internet_egress ? 1 : 0

  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.name}-translators" }
}

resource "aws_route" "translators" {
  count = var.internet_egress ? 1 : 0

  route_table_id         = aws_route_table.translators[0].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this[0].id
}

resource "aws_route_table_association" "translators" {
  for_each = local.egress

  subnet_id      = aws_subnet.translators[each.key].id
  route_table_id = aws_route_table.translators[0].id
}

resource "aws_eip" "translator" {
  for_each = local.egress

  domain = "vpc"

  tags = { Name = "${var.name}-${each.key}" }
}

resource "aws_nat_gateway" "this" {
  for_each = local.egress

  subnet_id     = aws_subnet.translators[each.key].id
  allocation_id = aws_eip.translator[each.key].id

  tags = { Name = "${var.name}-${each.key}" }

  depends_on = [aws_internet_gateway.this]
}

resource "aws_route" "private" {
  for_each = local.egress

  route_table_id         = aws_route_table.private[each.key].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this[each.key].id
}
