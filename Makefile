# The commands of this project; `make help` lists them. All of them set up .venv first where it is missing.

# The first Python here that is new enough; make PYTHON=... names another.
PYTHON ?= $(or $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done),python3)
VENV := .venv
BIN := $(VENV)/bin
# When the packages that run, and those that check besides, were last installed.
RUNTIME := $(VENV)/.runtime
STAMP := $(VENV)/.installed
LOCKS := requirements/runtime.txt requirements/development.txt

# Further arguments for the program behind a target: make test ARGS="tests/unit -x"
ARGS ?=

PIP_COMPILE := $(CURDIR)/$(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-annotate \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links $(ARGS)

.DEFAULT_GOAL := help
.PHONY: help install runtime run demo test trials test-repeat bench lint format migrate lock clean

help:  ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | while IFS="$$(printf '\t')" read -r name text; do \
		printf '  make %-12s %s\n' "$$name" "$$text"; done

install: $(STAMP)  ## make .venv with everything: what runs and what checks
	@echo "$(VENV) is ready: $$($(BIN)/python -V)"

runtime: $(RUNTIME)  ## make .venv with the packages that run, and no others
	@echo "$(VENV) is ready to run: $$($(BIN)/python -V)"

# Names the one thing that is missing where the machine cannot make a virtual environment.
define INSTALL
	@command -v $(PYTHON) >/dev/null || { \
		echo "There is no '$(PYTHON)' here. Install Python 3.11 or newer, or name it: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "'$(PYTHON)' is $$($(PYTHON) -V 2>&1); ImpactX needs Python 3.11 or newer. Name one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m infra.install
endef

$(RUNTIME): requirements/runtime.txt
	$(INSTALL) runtime
	@touch $@

$(STAMP): $(LOCKS)
	$(INSTALL) runtime development
	@touch $(RUNTIME) $@

# The long-running ones are exec'd, so that SIGTERM and Ctrl-C reach Python and not a shell in between.
run: $(RUNTIME)  ## start everything in one process: PostgreSQL, broker, services (stop with Ctrl-C)
	@exec $(BIN)/python -m services run $(ARGS)

demo: $(RUNTIME)  ## drive the main job through RPC and print each step with its time
	@exec $(BIN)/python -m services demo $(ARGS)

test: $(STAMP)  ## run the tests, on a real PostgreSQL and a real RabbitMQ; ARGS="tests/unit -x" runs some
	@exec $(BIN)/python -m $(if $(strip $(ARGS)),pytest $(ARGS),tests)

trials: $(STAMP)  ## run the tests that take minutes: the large ones, and the long ones of faults
	@exec $(BIN)/python -m pytest -m trial $(ARGS)

# How often; make test-repeat N=3 ARGS="tests/integration/shared" repeats some of them.
N ?= 20
test-repeat: $(STAMP)  ## run the tests N times with every processor busy beside them (N=20), and print what came of it
	@exec $(BIN)/python -m tests.repeat $(N) $(if $(strip $(ARGS)),-- $(ARGS))

bench: $(STAMP)  ## measure against the floors, print ratios, write JSON
	@exec $(BIN)/python -m benchmarks $(ARGS)

lint: $(STAMP)  ## ruff, formatting, mypy, the import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)  ## let ruff mend and format what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

migrate: $(RUNTIME)  ## bring the database of DATABASE_URL to the newest schema
	@exec $(BIN)/python -m services migrate $(ARGS)

# Locks are made from the public packages alone: no pip configuration of this machine may add to or name anything.
lock: $(STAMP)  ## remake requirements/*.txt from *.in (ARGS=--upgrade for newer versions)
	cd requirements && for set in runtime development; do \
		env -u PIP_FIND_LINKS -u PIP_EXTRA_INDEX_URL PIP_CONFIG_FILE=/dev/null CUSTOM_COMPILE_COMMAND="make lock" \
			$(PIP_COMPILE) --output-file $$set.txt $$set.in || exit 1; done
	@! grep -nE '://|--(index|extra-index|find-links|trusted)' $(LOCKS)

clean:  ## remove what was made: .venv, caches (the data in .impactx stays)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage build *.egg-info \
		shared/client/build shared/client/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
