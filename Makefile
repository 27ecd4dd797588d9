# Everything a person does here, one target each. Only Python 3.11+, pip and make have to be there.

PYTHON ?= python3
LOCAL_UV := .tools/bin/uv
MINIMUM_UV := 9

# The uv of this machine if it is new enough, else one of our own in .tools.
UV := $(shell uv --version 2>/dev/null | awk '{ split($$2, v, "."); if (v[1] > 0 || v[2] >= $(MINIMUM_UV)) print "uv" }')
ifeq ($(UV),)
UV := $(LOCAL_UV)
endif
export UV

RUN := $(UV) run --no-sync
PORT ?= 4000
RELEASE ?= newest
RELEASES ?=

.DEFAULT_GOAL := help
.PHONY: help demo test tested test-fast lint format check ci bench drift latest load record gateway-up gateway-down build clean sync

help: ## Say what there is to do
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: sync ## Boot a real LiteLLM proxy and hold eight conversations with it
	@$(RUN) python -m examples.demo

test: sync ## Run every test, also against real LiteLLM proxies (RELEASES="lts newest" for other releases)
	@echo "The live part boots real LiteLLM proxies: 15 to 20 minutes on two cores, and a few more"
	@echo "the first time, to install them. 'make test-fast' leaves it out."
	TEST_RELEASES="$(RELEASES)" $(RUN) pytest -n 2

tested: sync ## Run every test on every supported release, and write down that they passed
	TEST_RELEASES="oldest lts newest" $(RUN) pytest -n 2
	$(RUN) python -m tests.tested

test-fast: sync ## Run the tests that need no gateway, in about four minutes
	$(RUN) pytest -n 2 -m "not live"

lint: sync ## Check style, format and types
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) mypy

format: sync ## Mend style and format
	$(RUN) ruff check --fix
	$(RUN) ruff format

check: lint test-fast ## Lint and fast tests: before every commit

ci: ## Run what the continuous integration runs
	.ci/run

bench: sync ## Measure start-up, and answers at company size (most of an hour; BENCH="--release newest" for less)
	-$(RUN) python -m benchmarks.startup
	$(RUN) python -m benchmarks.company_size $(BENCH)

drift: sync ## Say what of a LiteLLM release is not as it was recorded (RELEASE=newest; RELEASE=latest asks the registry)
	$(RUN) python -m benchmarks.drift --release $(RELEASE)

latest: sync ## Say which LiteLLM release is the newest that the package registry has
	@$(RUN) python -m benchmarks.drift --release latest --version-only

load: sync ## Make 50,000 calls of 32 clients with a failing proxy behind (10 to 30 minutes; LOAD="--calls 5000" for less)
	$(RUN) python -m benchmarks.load $(LOAD)

record: sync ## Record real exchanges anew from the example gateway, for the unit tests
	$(RUN) python -m tests.record

gateway-up: sync ## Start the example gateway, seeded (PORT=4000, RELEASE=newest)
	@$(RUN) python -m examples.gateway up --seed --fresh --port $(PORT) --version $(RELEASE)

gateway-down: sync ## Stop every example gateway of this checkout
	@$(RUN) python -m examples.gateway down --all

build: sync ## Build the wheel and the source archive into dist/
	$(UV) build

clean: ## Remove what tools left behind; the installed gateways in .gateway stay
	rm -rf .venv .tools .mypy_cache .pytest_cache .ruff_cache dist build
	find . -name __pycache__ -not -path "./.gateway/*" -prune -exec rm -rf {} +

sync: $(filter $(LOCAL_UV),$(UV))
	@$(UV) sync --locked --quiet

$(LOCAL_UV):
	@echo "Fetching uv into .tools"
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target .tools \
		--require-hashes --requirement .ci/uv.txt
