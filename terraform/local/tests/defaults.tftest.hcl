# What the defaults make, with no engine behind it: `tofu test`.

mock_provider "docker" {}

variables {
  postgres_password    = "not-a-password-of-anything"
  qdrant_api_key       = "not-a-password-of-anything"
  s3_access_key_id     = "notakeyofanything"
  s3_secret_access_key = "not-a-password-of-anything"
}

run "addresses_are_of_this_machine" {
  command = plan

  assert {
    condition     = output.query_api_url == "http://127.0.0.1:8000" && output.dagster_url == "http://127.0.0.1:3000"
    error_message = "The query API and Dagster must be on 127.0.0.1."
  }

  assert {
    condition     = docker_network.inside.internal
    error_message = "The servers' network must have no way out."
  }
}

run "a_second_installation_has_other_names_and_ports" {
  command = plan

  variables {
    name  = "second"
    ports = { query_api = 8100, dagster = 3100 }
  }

  assert {
    condition     = alltrue([for volume in docker_volume.this : startswith(volume.name, "second-")])
    error_message = "Two installations must not share a volume."
  }

  assert {
    condition     = output.query_api_url == "http://127.0.0.1:8100"
    error_message = "The ports must be those asked for."
  }
}

run "one_port_for_two_is_refused" {
  command = plan

  variables {
    ports = { query_api = 8000, dagster = 8000 }
  }

  expect_failures = [var.ports]
}

run "a_short_password_is_refused" {
  command = plan

  variables {
    postgres_password = "short"
  }

  expect_failures = [var.postgres_password]
}

run "a_secret_among_the_settings_is_refused" {
  command = plan

  variables {
    settings = { RAG_CHAT_API_KEY = "sk-1" }
  }

  expect_failures = [var.settings]
}
