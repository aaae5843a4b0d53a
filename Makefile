PYTHON ?= python3
BIN := .venv/bin
SASREC = $(BIN)/python benchmarks/sasrec.py --data-dir "$(DATA)" $(QUICK)

.PHONY: demo test lab lint bench docs release clean setup

demo: setup  ## set up, run all notebooks on the built-in demo, and print a few explanations
	@$(BIN)/python -m recx run
	@$(BIN)/python -m recx explain

# Two workers with one thread each: with more threads, two workers on two cores slow each other down many times over.
test: setup  ## set up and run the tests
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(TESTS)

lab: setup  ## open JupyterLab on the notebooks
	@$(BIN)/python -m recx lab

lint: setup  ## check formatting and style
	@$(BIN)/ruff format --check . && $(BIN)/ruff check .

bench: setup  ## rerun all benchmarks; QUICK=--quick for a short run (benchmarks/README.md)
	@for name in data examples shapley alignment decoding playground; do $(BIN)/python benchmarks/$$name.py $(QUICK) || exit 1; done
	@if [ -n "$(QUICK)$(DATA)" ]; then $(SASREC) --variants; else echo "sasrec.py: no DATA=... with the real data"; fi
	@if [ -n "$(RECTOOLS)" ]; then $(SASREC) --rectools "$(RECTOOLS)"; else echo "sasrec.py: no RECTOOLS=..."; fi
	@if [ -n "$(RECBOLE)" ]; then $(SASREC) --recbole "$(RECBOLE)"; else echo "sasrec.py: no RECBOLE=..."; fi

docs:  ## build these documents, the executed notebooks and the API as a site: site/html/index.html
	@$(PYTHON) tools/bootstrap.py docs
	@$(BIN)/python tools/documents.py && NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet && echo site/html/index.html

release:  ## the explanations that are attached to a release, from finished runs on the demo and on Games: dist/
	@mkdir -p dist
	@for name in demo games; do $(BIN)/python -m recx results --dataset $$name --texts dist/$${name}_texts.jsonl.gz || exit 1; done

clean:  ## remove runs, the site, dist and caches, keep the environment
	rm -rf runs site dist .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

setup:
	@$(PYTHON) tools/bootstrap.py
