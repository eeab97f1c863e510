# The commands of developers and CI. `make` alone lists them.
# The first target that needs an environment installs it in .venvs/.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:

LOCAL := .venvs/local/bin/python
DEV := .venvs/dev/bin/python
MUTATION := .venvs/mutation/bin/python
PYTHON_SOURCES := functions layers/token_broker/token_broker sandbox tests benchmarks requirements

# Only the folders that exist, so that the checks work in every commit.
SOURCES = $(wildcard $(PYTHON_SOURCES))

export PYTHONDONTWRITEBYTECODE := 1
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

.PHONY: help setup check format test test-unit coverage mutation up down demo logs bench bench-dispatch build lock clean env-local env-runtime env-dev env-bench env-reference env-lambda env-mutation

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

setup: env-local env-runtime env-dev env-reference env-lambda env-bench ## install and build everything except the browser, so that the other targets need no network
	@$(LOCAL) -m sandbox.stack build-here

env-local env-runtime env-dev env-bench env-reference env-lambda env-mutation: env-%:
	@sh requirements/install.sh $*

check: env-dev env-local ## check lint, types, import rules and the template in seconds
	$(DEV) -m ruff check $(SOURCES)
	$(DEV) -m ruff format --check $(SOURCES)
	$(DEV) -m mypy
	PYTHONPATH=layers/token_broker:functions/storefronts/proof_authorizer $(DEV) .venvs/dev/bin/lint-imports --no-logo
	$(DEV) .venvs/dev/bin/cfn-lint template.yaml
	$(LOCAL) -m sandbox.stack validate

format: env-dev ## format the Python sources
	$(DEV) -m ruff check --fix $(SOURCES)
	$(DEV) -m ruff format $(SOURCES)

test: env-dev env-local env-runtime env-reference env-lambda ## run every test, the end-to-end tests on their own local stacks
	$(DEV) -m pytest --numprocesses 2 tests/unit tests/contract tests/lifecycle tests/integration sandbox/tests --ignore=sandbox/tests/stack
	@$(LOCAL) -m sandbox.stack build-here
	$(DEV) -m pytest tests/artifacts
	@CHROMIUM="$$(sh requirements/chromium.sh)" && export CHROMIUM && $(DEV) -m pytest --numprocesses 2 --no-loadscope-reorder sandbox/tests/stack tests/e2e

.PHONY: test-long
test-long: env-dev env-local env-runtime ## run the tests that are too long for CI (all faults, state machines, fuzzing) in two hours or more
	TOKEN_BROKER_LONG=1 $(DEV) -m pytest tests/e2e/faults
	TOKEN_BROKER_LONG=1 $(DEV) -m pytest --numprocesses 2 tests/lifecycle/test_in_memory.py tests/integration/lifecycle/test_state_machine.py tests/unit/providers/test_undocumented_answers.py

test-unit: env-dev env-reference ## run the unit and contract tests in seconds
	@$(MAKE) --no-print-directory --jobs 2 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target) unit contract

# In parallel, since one computes while the other waits. With bytecode, since imports take half of the time.
.PHONY: unit contract
unit contract: export PYTHONPYCACHEPREFIX := $(CURDIR)/.local/bytecode
unit contract: export PYTHONDONTWRITEBYTECODE :=
unit:
	@$(DEV) -m pytest tests/unit
contract:
	@$(DEV) -m pytest --numprocesses 2 tests/contract sandbox/tests --ignore=sandbox/tests/installation --ignore=sandbox/tests/stack

coverage: env-dev env-reference ## show the branches of the layer and the functions that no test covers, and fail below 95 %
	@$(DEV) -m coverage erase
	$(DEV) -m coverage run -m pytest --numprocesses 2 -k "not local-aws and not dynamodb-local" tests/unit tests/contract tests/lifecycle tests/integration sandbox/tests --ignore=sandbox/tests/stack
	@$(DEV) -m coverage combine --quiet
	@$(DEV) -m coverage report
	@$(DEV) -m tests.branches

mutation: env-mutation ## change a module of the layer (for example MODULE=aws/store/leases) in small ways, and list the changes that no test notices
	@$(MUTATION) -m tests.mutation $(MODULE)

up: env-local env-runtime ## start the local AWS and the providers' simulators, deploy, write .local/stack.json
	@$(LOCAL) -m sandbox.stack up

down: ## stop everything that `make up` started, and delete its data
	@if [ -x $(LOCAL) ]; then $(LOCAL) -m sandbox.stack down; else echo "Nothing runs: nothing was ever started here."; fi

demo: up ## run `make up`, then show every operation
	@$(LOCAL) -m sandbox.demo

logs: env-local ## print the logs of the local stack's functions
	@$(LOCAL) -m sandbox.logs

bench: env-dev env-local env-runtime env-bench ## measure the cold start of each built handler; AGAINST=COMMIT compares it with that commit's
	@$(LOCAL) -m sandbox.stack build-here
	@$(DEV) -m benchmarks $(if $(AGAINST),--against '$(AGAINST)') $(if $(ROUNDS),--rounds '$(ROUNDS)')

bench-dispatch: env-dev env-local env-runtime ## measure the dispatcher with up to 10,000 merchants, on its own local stack
	@export TOKEN_BROKER_STATE_DIR="$(CURDIR)/.local/bench-dispatch"; \
	  trap '$(LOCAL) -m sandbox.stack down' EXIT; \
	  $(LOCAL) -m sandbox.stack up && PYTHONPATH=layers/token_broker $(DEV) -m benchmarks.dispatch "$$TOKEN_BROKER_STATE_DIR"

build: env-local env-runtime ## build the functions and the layer into .aws-sam/build, ready for `sam deploy`
	@$(LOCAL) -m sandbox.stack build

lock: ## resolve requirements/*.in and the layer's into hash-pinned files
	@sh requirements/lock.sh

clean: down ## remove everything that was built or installed
	rm -rf .venvs .aws-sam .local .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
