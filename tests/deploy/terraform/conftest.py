"""The two roots, ready to plan: each copied and initialised once a session, without credentials or a Docker engine."""

from typing import Any

import pytest

from tests.deploy.terraform.tofu import Tofu, initialised

ACCOUNT = "123456789012"

# Only here: the provider asks nobody who it is, with keys that are none.
_NOBODY_ASKED = """
provider "aws" {
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
  allowed_account_ids         = []
}
"""

_AWS_VARIABLES = f"""
account_id         = "{ACCOUNT}"
region             = "eu-central-1"
availability_zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
administrator_arns = ["arn:aws:iam::{ACCOUNT}:role/platform"]
alarm_emails       = ["oncall@example.com"]
"""


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Tofu:
    """terraform/aws, initialised."""
    return initialised(
        tmp_path_factory.mktemp("aws"),
        "aws",
        secrets={"database_password": "d" * 32, "kafka_password": "k" * 32},
        overrides={"offline_override.tf": _NOBODY_ASKED, "account.auto.tfvars": _AWS_VARIABLES},
    )


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Tofu:
    """terraform/local, initialised."""
    return initialised(
        tmp_path_factory.mktemp("local"),
        "local",
        secrets={
            "postgres_password": "p" * 32,
            "qdrant_api_key": "q" * 32,
            "s3_access_key_id": "a" * 16,
            "s3_secret_access_key": "s" * 32,
        },
        overrides={},
    )


@pytest.fixture(scope="session")
def aws_plan(aws: Tofu) -> dict[str, Any]:
    """What terraform/aws would make of nothing."""
    return aws.planned("everything")


@pytest.fixture(scope="session")
def aws_plan_with_egress(aws: Tofu) -> dict[str, Any]:
    """The same as open as it gets: a way out and in, an office at the cluster's API, further buckets, a chat key."""
    return aws.planned(
        "egress",
        "-var=internet_egress=true",
        "-var=internet_entrance=true",
        '-var=cluster_api_cidrs=["198.51.100.0/24"]',
        '-var=source_buckets={our-contracts={},"our.letters"={}}',
        "-var=chat_key=true",
    )


@pytest.fixture(scope="session")
def local_plan(local: Tofu) -> dict[str, Any]:
    """What terraform/local would make of nothing, without a Docker engine."""
    return local.planned("everything")
