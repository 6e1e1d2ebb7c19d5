.DEFAULT_GOAL := help
.PHONY: run check lint types fast test test-long schema released examples proto bench help
BIN := .venv/bin
# Few tests that fail once and pass by themselves are named and fail no run.
PYTEST := $(BIN)/python -m tests.second_try -q

PIP := $(BIN)/pip install -q --disable-pip-version-check

# What serving needs; the tools for tests come with the first target that needs them.
.venv/serving: pyproject.toml
	@echo "Installing Spooled Lite into .venv, once: about 25 packages, less than a minute."
	@python3 -m venv .venv
	@$(PIP) -e '.[grpc]'
	@touch $@

.venv/ready: .venv/serving
	@echo "Installing what the tests need into .venv, once: about 60 packages, a minute or two."
	@$(PIP) -e '.[grpc,s3,otel,dev]'
	@touch $@

run: .venv/serving                ## A server on ./spooled.db, on port 8080
	$(BIN)/spooled-lite serve

check: lint types fast            ## Before every change: lint, types, fast tests

lint: .venv/ready                 ## Format and lint
	$(BIN)/ruff format --check . && $(BIN)/ruff check .

types: .venv/ready                ## Types, strict, tests included
	$(BIN)/mypy

fast: .venv/ready                 ## Tests that are not slow, on every core
	$(PYTEST) -n auto -m "not slow and not long"

test: fast                        ## Every bounded test: the fast ones, then the slow ones
	$(PYTEST) -rs -n auto --dist loadfile -m "slow and not long and not alone" --ignore tests/dashboard
	$(PYTEST) -rs -m "slow and not long and alone" --ignore tests/dashboard
	$(PYTEST) -n auto --dist loadfile -m "slow and not long" tests/dashboard

test-long: .venv/ready            ## The long runs: many kills, many examples
	$(BIN)/pytest -q -m long

bench: .venv/ready                ## The workloads of benchmarks/, with their ratios
	$(BIN)/python -m benchmarks

schema: .venv/ready               ## Rewrite storage/schema.sql from the migrations
	$(BIN)/python -m spooled_lite.storage.migrate --print-schema > spooled_lite/storage/schema.sql

released: .venv/ready             ## Make the file of this version for the tests of upgrades
	$(BIN)/python -m tests.released.make

examples: .venv/ready             ## Rewrite the examples of answers in the OpenAPI document
	$(BIN)/python -m tests.wire.http.documents.example_calls > .examples && \
		mv .examples spooled_lite/wire/http/documents/answers.json

PROTOS := spooled_lite/wire/grpc/protos
proto: .venv/ready                ## Rewrite wire/grpc/spooled.binpb from the .proto files
	$(BIN)/python -m grpc_tools.protoc -I $(PROTOS) --include_imports \
		--descriptor_set_out=spooled_lite/wire/grpc/spooled.binpb \
		spooled.proto grpc/health/v1/health.proto \
		grpc/reflection/v1/reflection.proto grpc/reflection/v1alpha/reflection.proto

help:
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'
