# Everything the project does, from a machine with nothing but Python 3 and make. `make help` lists it.

# -B: what root runs of make/ leaves no bytecode of root's in a person's checkout.
PYTHON3 = $(shell sh make/python3.sh) -B
# The stack: tfx-1.21 or tfx-1.15; without a word the newest that this machine can hold.
ifdef STACK
STACK_IS :=
else
# override: `make demo STACK=`, with nothing behind it, names none either.
override STACK := $(shell $(PYTHON3) make/stacks.py name)
STACK_IS := --chosen
endif
# Each has an environment of its own, and a folder of its own for the demo: neither is ever of two.
OLDER := .venv
NEWER := .venv-tfx-1.21
VENV := $(if $(filter tfx-1.21,$(STACK)),$(NEWER),$(OLDER))
DEMO := build/penguin$(if $(filter tfx-1.21,$(STACK)),-$(STACK))
KUBEFLOW := build/kubeflow$(if $(filter tfx-1.21,$(STACK)),-$(STACK))
LIGHT := .venv-tf-2.21
EXPLAIN := .venv-explain-sdk
SCANNERS := .venv-scanner-modelscan .venv-scanner-modelaudit
CONSUMERS := $(addprefix .venv-consumer-tf-,1.15 2.4 2.7)
BIN := $(VENV)/bin
BOOTSTRAP := make/environment.py make/interpreters.py make/stacks.py make/uv.py requirements/uv.txt requirements/compiler.txt
PACKAGE := setup.py pyproject.toml components/tfx_savedmodel/versions.py

# TensorFlow and gRPC log at length to standard error; what matters is still shown.
export TF_CPP_MIN_LOG_LEVEL ?= 2
export GRPC_VERBOSITY ?= ERROR
# For `make demo` and `make kubeflow`: nan or signature makes a model that must not be pushed.
SABOTAGE ?=
# Long tests that concern both TensorFlows: test-full runs them on the newer one too.
FULL_ON_BOTH := tests/operations/test_convert_large.py tests/consumers
# What the Debian 13 root does without: Java for Beam's engines, a browser, the Pythons of old consumers, and the
# template's tests, which install TFX a second time: test-full runs them there too.
NOT_IN_ROOT := --ignore=tests/templates --ignore=tests/runners --ignore=tests/report/test_browser.py --ignore=tests/consumers
# Handed over as a variable, whatever quotes are in it.
export ARGS_IN_ROOT = -m "tfx and not full" $(NOT_IN_ROOT) $(ARGS)
# Of the long tests, those that the newest stack must pass too.
ROOT_FULL = $(PYTHON3) make/debian_13.py run $(NEWER)/bin/python -m pytest -m "full or tfx" tests/make tests/templates
# More arguments for pytest: make test ARGS="-k reader".
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help stack install demo kubeflow template test test-tf221 test-tfx121 debian-13 test-full image flink spark explain-sdk consumers consumers-table scanners lint format bench schemas check-pages op-tables lock clean clean-all

help:  ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9 -]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

stack:  ## say which stack make takes on this machine, why, and how to have the other
	@$(PYTHON3) make/stacks.py say $(STACK) $(STACK_IS)

install: stack $(VENV)/.installed  ## make the stack's environment: TFX, the tools, and bin/tfx-savedmodel

$(OLDER)/.installed: requirements/tfx-1.15-dev.txt $(BOOTSTRAP) $(PACKAGE) | stack
	@$(PYTHON3) make/environment.py tfx-1.15
	@touch $@

$(NEWER)/.installed: requirements/tfx-1.21-dev.txt $(BOOTSTRAP) $(PACKAGE) | stack
	@$(PYTHON3) make/environment.py tfx-1.21
	@touch $@

$(LIGHT)/.installed: requirements/tf-2.21-dev.txt $(BOOTSTRAP) $(PACKAGE)
	@$(PYTHON3) make/environment.py tf-2.21
	@touch $@

$(EXPLAIN)/.installed: requirements/explain-sdk.txt $(BOOTSTRAP) make/explain_sdk.py
	@$(PYTHON3) make/explain_sdk.py
	@touch $@

demo: install  ## run the penguin pipeline (SABOTAGE=nan or signature: with a broken model)
	@$(BIN)/python -m pipelines.penguin.run --root $(DEMO) $(if $(SABOTAGE),--sabotage $(SABOTAGE))

kubeflow: install  ## compile the penguin pipeline for Kubeflow v2 and run every step of the job on this machine
	@$(BIN)/python -m pipelines.kubeflow_v2 --output $(KUBEFLOW)/penguin.json --image localhost/tfx-savedmodel:$(STACK) \
		--root "$(CURDIR)/$(KUBEFLOW)" --data "$(CURDIR)/pipelines/penguin/data" --push-to "$(CURDIR)/$(KUBEFLOW)/serving" \
		$(if $(SABOTAGE),--sabotage $(SABOTAGE))
	@$(BIN)/python -m pipelines.kubeflow run $(KUBEFLOW)/penguin.json

template: install  ## make a repository of the template from a wheel, as a user has it; its tests, its pipeline, its contract
	@rm -rf build/template build/lib build/bdist.*
	@$(BIN)/tfx-savedmodel new my-pipeline build/template --stack $(STACK)
	@$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir build/template/wheels .
	@rm -rf build/lib build/bdist.*
	@make --no-print-directory -C build/template UV="$(CURDIR)/.uv/bin/uv" PYTHON="$(CURDIR)/$(BIN)/python" install lint test run contract check-contract

flink spark: install  ## validate an example on a Flink cluster (or Spark) that is started on loopback; wants Java 17 and Maven
	@$(BIN)/python -m pipelines.engines run $@

test: install  ## run the tests: unit, then tf, then tfx (STACK=tfx-1.15 or tfx-1.21, here as with every target); then test-tfx121 where .debian-13 is there
	-@$(PYTHON3) make/consumers.py
	@status=0; $(BIN)/python -m pytest -m "not full" $(ARGS) || status=1; \
	if [ $(STACK) != tfx-1.21 ] && $(if $(ARGS),false,true) && $(PYTHON3) make/debian_13.py usable; then \
		make --no-print-directory test-tfx121 || status=1; \
	fi; exit $$status

test-tf221: $(LIGHT)/.installed  ## run the unit and tf tests on TensorFlow 2.21 and Keras 3
	@$(LIGHT)/bin/python -m pytest -m "(unit or tf) and not full" $(ARGS)

test-tfx121: debian-13  ## on an older system: run the demo and the tfx tests on TFX 1.21, in a Debian 13 root
	@$(PYTHON3) make/debian_13.py run make demo STACK=tfx-1.21
	@$(PYTHON3) make/debian_13.py run make test STACK=tfx-1.21 ARGS="$$ARGS_IN_ROOT"

debian-13:  ## make .debian-13, the Debian 13 root, with debootstrap (as root); it stays until make clean-all
	@$(PYTHON3) make/debian_13.py make

test-full: install $(LIGHT)/.installed  ## run every test, the long ones too; what both stacks must pass on TensorFlow 2.21 and in the Debian 13 root too
	-@$(PYTHON3) make/consumers.py tf-1.15 tf-2.4 tf-2.7
	@status=0; image=; \
	if command -v buildah >/dev/null && [ "$$(id -u)" = 0 ]; then \
		image=$(STACK); $(PYTHON3) make/image.py build --stack $(STACK) || status=1; \
	else echo "No image is built, and its tests skip: that wants root and buildah." >&2; fi; \
	IMAGE_BUILT=$$image $(BIN)/python -m pytest $(ARGS) || status=1; \
	$(LIGHT)/bin/python -m pytest -m "(unit or tf) and full" $(FULL_ON_BOTH) $(ARGS) || [ $$? = 5 ] || status=1; \
	[ $(STACK) = tfx-1.21 ] || { make --no-print-directory test-tfx121 && $(ROOT_FULL); } || status=1; exit $$status

image:  ## build the image localhost/tfx-savedmodel:STACK with buildah and say what it consists of (BASE=… to pull one)
	@$(if $(STACK_IS),echo "==> stack $(STACK): the newest that this machine can hold; the other's image can be built here too: make image STACK=$(filter-out $(STACK),tfx-1.21 tfx-1.15)" >&2)
	@$(PYTHON3) make/image.py build $(if $(STACK),--stack $(STACK)) $(if $(BASE),--base $(BASE))

explain-sdk: $(EXPLAIN)/.installed  ## make .venv-explain-sdk: the reader of explanation metadata, for its test

consumers:  ## make .venv-consumer-tf-1.15 and others: old TensorFlows that load our exports, for their tests
	@$(PYTHON3) make/consumers.py

consumers-table: $(OLDER)/.installed $(LIGHT)/.installed  ## write the tables of docs/consumers.md again, each cell measured
	@$(PYTHON3) make/consumers.py tf-1.15 tf-2.4 tf-2.7
	@PYTHONPATH=make:. $(OLDER)/bin/python make/consumers_table.py

scanners:  ## make .venv-scanner-modelscan and -modelaudit, for benchmarks/scanners.py
	@$(PYTHON3) make/scanners.py

lint: install  ## ruff, mypy and the import contracts
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: install  ## let ruff format the code and sort the imports
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

bench: install scanners  ## measure, each figure side by side with what it is compared to
	@status=0; for script in benchmarks/*.py; do $(BIN)/python $$script || status=1; done; exit $$status

schemas: install  ## write docs/plan.schema.json and docs/policy.schema.json again, after a change to their classes
	@$(BIN)/python -c "from tfx_savedmodel.signatures.plan import schema_text; print(schema_text(), end='')" >docs/plan.schema.json
	@$(BIN)/python -c "from tfx_savedmodel.validation.policy_document import schema_text; print(schema_text(), end='')" >docs/policy.schema.json

check-pages: install  ## write docs/checks and the presets of docs/policy.md again, after a change to a check or preset
	@$(BIN)/python make/check_pages.py

op-tables: $(OLDER)/.installed  ## write the tables of TensorFlow's ops per version again (downloads 4 GB, needs Python 3.7)
	@$(OLDER)/bin/python make/op_tables.py

lock:  ## compile requirements/*.in again (UPGRADE=1: to the newest versions)
	@$(PYTHON3) make/lock.py $(if $(UPGRADE),--upgrade)

clean:  ## remove caches and build/, where the demo writes
	@rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache components/*.egg-info
	@find components make pipelines templates tests benchmarks -type d -name __pycache__ -prune -exec rm -rf {} +

clean-all: clean  ## remove the environments and .debian-13 too (as root where that is there)
	@rm -rf $(OLDER) $(NEWER) $(LIGHT) $(EXPLAIN) $(CONSUMERS) $(SCANNERS) .uv
	@DEBIAN_13= $(PYTHON3) make/debian_13.py remove
