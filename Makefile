# The README uses `make demo` and `make test`; both first set up .venv.
# Nothing here needs root or touches the system's Python packages.

PYTHON ?= python3
BIN := .venv/bin
UV := $(shell command -v uv 2>/dev/null || echo $(BIN)/uv)
READY := .venv/ready

# Number of processes that run the tests; on a machine with many cores, more than eight mostly wait for memory.
WORKERS ?= auto
SPREAD := -n $(WORKERS) --maxprocesses 8 --dist worksteal

.PHONY: setup demo app test test-fast test-portable gpu-record check format lock clean

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

# The demo's models on a page in the browser; the demo is made first if there is none.
app: $(READY)
	$(BIN)/gazeshift app

# Every test process computes in one thread: its tensors are tiny, and the other cores run other tests.
test test-fast test-portable test-as/%: export OMP_NUM_THREADS ?= 1

test: $(READY)
	$(BIN)/python -m pytest -q $(SPREAD)

# What a contributor runs while working: all tests except those marked slow, in a minute and a half on two cores.
test-fast: $(READY)
	$(BIN)/python -m pytest -q $(SPREAD) -m "not slow"

# The tests that compute with torch, run as other processors would run them. Other instruction sets round differently, so one machine can
# stand for several. A setting names the instructions of torch's own kernels and those of oneDNN; the matrix products (MKL in torch, OpenBLAS
# in NumPy) follow the former. The machine's own instructions (AVX-512 if it has them) are used by `make test` and are not a setting here.
# The cache of torch.compile does not record the setting (kernels of another setting abort), so each setting has its own cache.
# `make -j2 test-portable` runs two settings at once, each in one process; `make test-as/avx2/AVX2` runs one.
SETTINGS := default/SSE41 default/AVX2 avx2/AVX2 avx2/AVX512_CORE
MKL_default := SSE4_2
MKL_avx2 := AVX2
OPENBLAS_default := Nehalem
OPENBLAS_avx2 := Haswell
NUMERIC := tests/saliency tests/models tests/training tests/evaluation tests/engine/test_run.py tests/engine/test_maps_command.py \
	tests/instrument/test_oracle.py --ignore=tests/saliency/test_leaks.py --ignore=tests/training/test_resume.py

test-portable: $(SETTINGS:%=test-as/%)

test-as/%: $(READY)
	ATEN_CPU_CAPABILITY=$(*D) ONEDNN_MAX_CPU_ISA=$(*F) MKL_ENABLE_INSTRUCTIONS=$(MKL_$(*D)) OPENBLAS_CORETYPE=$(OPENBLAS_$(*D)) \
		TORCHINDUCTOR_CACHE_DIR=$(CURDIR)/.venv/inductor/$* $(BIN)/python -m pytest -q -p no:cacheprovider $(NUMERIC)

# Records what a CUDA device does (its tests, the demo and the bench) in benchmarks/bench-<device>.json; says so if there is no device.
gpu-record: $(READY)
	$(BIN)/python benchmarks/gpu_record.py

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Exact versions with hashes for every platform, without naming a package index.
lock:
	"$(UV)" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
		--no-header --all-extras --group dev pyproject.toml -o requirements.lock

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis
