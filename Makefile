# The two commands of the README are `make demo` and `make test`; both set themselves up in .venv first.
# Nothing here needs root or touches the system's Python packages.

PYTHON ?= python3
BIN := .venv/bin
UV := $(shell command -v uv 2>/dev/null || echo $(BIN)/uv)
READY := .venv/ready

.PHONY: setup demo test check format lock clean

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "gazeshift needs Python 3.11 or newer; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x "$(UV)" || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	"$(UV)" pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	"$(UV)" pip install --quiet --python $(BIN)/python --no-build-isolation --no-deps -e .
	@touch $(READY)

demo: $(READY)
	$(BIN)/gazeshift study configs/plates.yaml --out runs/plates

test: $(READY)
	$(BIN)/python -m pytest -q

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Exact versions with hashes, for every platform; names no index.
lock:
	"$(UV)" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
		--no-header --all-extras --group dev pyproject.toml -o requirements.lock

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis
