# Every target sets up what it needs. Only Python 3.11+, git and make are assumed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Some images forbid Python to keep what it compiled; then each of the many processes of a run compiles all modules anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: install demo test check fix bench lock schemas vectors clean

install: $(STAMP)

$(STAMP): requirements/dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Handrail needs Python 3.11 or newer; set PYTHON=..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing locked dependencies (hashes checked) into $(VENV) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: install
	@$(BIN)/handrail demo $(ARGS)

test: install
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

check: install
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest tests/unit/test_architecture.py tests/unit/test_generated.py

fix: install
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: install
	@$(BIN)/python -m tests.bench $(ARGS)

# Regenerates the committed JSON Schemas, AsyncAPI document and reference tables.
schemas: install
	@$(BIN)/python -m schemas.generate
	@$(BIN)/python -m broker.handover.page

# Regenerates the frozen envelope vectors. A changed vector is a changed protocol.
vectors: install
	@$(BIN)/python -m tests.vectors.make

lock:
	@uv pip compile -q --no-header --no-emit-index-url --no-config --generate-hashes --universal --python-version 3.11 --extra dev pyproject.toml requirements/build.in -o requirements/dev.lock
	@uv pip compile -q --no-header --no-emit-index-url --no-config --generate-hashes --universal --python-version 3.11 pyproject.toml -o requirements/run.lock
	@uv pip compile -q --no-header --no-emit-index-url --no-config --generate-hashes --universal --python-version 3.11 requirements/peer.in -o requirements/peer.lock

clean:
	rm -rf $(VENV) build dist *.egg-info
