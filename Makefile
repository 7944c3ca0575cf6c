# Needs make and python3; everything else is installed into .venv, in the versions of constraints.txt.

PYTHON      ?= python3
VENV        ?= .venv
# `make CONSTRAINTS= ...` takes the newest versions instead of the tested ones.
CONSTRAINTS ?= constraints.txt
PROFILE     ?= cpu
DEVICE      ?= auto
SEED        ?= 0
DATA        ?= $(if $(DEEPWEEKS_DATA),auto,embedded)
# Weeks at a time: one for each core, at most four, since a week may need 4 GB of memory.
JOBS        ?= $(shell $(PYTHON) -c 'import os; print(min(os.cpu_count() or 1, 4))')

BIN      := $(VENV)/bin
READY    := $(VENV)/.ready
SETTINGS  = --device $(DEVICE) --seed $(SEED) --data $(DATA) --jobs $(JOBS)
WEEKS    := $(wildcard notebooks/week*.ipynb)
SMOKE    := build/smoke
STYLED   := lib tests book/_ext
PYTEST   := $(BIN)/python -m pytest -q -p no:cacheprovider
# Equal runs give equal files.
export SOURCE_DATE_EPOCH ?= 1767225600

.PHONY: help book test lab gpu clean
.DELETE_ON_ERROR:

help: ## show this list
	@echo 'make TARGET [PROFILE=cpu] [DEVICE=auto] [SEED=0] [DATA=embedded] [JOBS=2]'
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1	\2/p' Makefile

book: $(READY) ## run what has changed and build the site: build/site/index.html
	@$(BIN)/deepweeks book --profile $(PROFILE) $(SETTINGS)

lab: $(READY) ## open the notebooks in JupyterLab
	@$(BIN)/jupyter lab notebooks

gpu: $(READY) ## run every week in the gpu profile and build the site from it
	@$(BIN)/deepweeks book --profile gpu --device cuda --seed $(SEED) --data $(DATA) --jobs 1

clean: ## remove build/ (the environment in .venv stays)
	rm -rf build

# $(call step,name,command): run it, print its time, and stop with one clear line when it fails.
define step
	@begin=$$(date +%s); printf '\n== %s\n' '$(1)'; \
	if $(2); then printf '== %s: passed in %s s\n' '$(1)' $$(($$(date +%s) - begin)); \
	else printf '\n== make test FAILED in "%s" after %s s\n' '$(1)' $$(($$(date +%s) - begin)) >&2; exit 1; fi
endef

test: export OMP_NUM_THREADS = 1
test: $(READY) ## lint, tests, all weeks in smoke, the site and its checks
	$(call step,style,$(BIN)/ruff check -q $(STYLED) && $(BIN)/ruff format --check -q $(STYLED))
	$(call step,dependencies,$(BIN)/python -m pip check)
	$(call step,library,$(PYTEST) -n $(JOBS) tests/unit)
	$(call step,notebooks as written,$(PYTEST) -n $(JOBS) --dist loadfile tests/notebooks \
	  --ignore tests/notebooks/executed)
	$(call step,every week in smoke,$(BIN)/deepweeks run --all --profile smoke --device cpu --data embedded \
	  --jobs $(JOBS) --out $(SMOKE))
	$(call step,notebooks as executed,$(PYTEST) -n $(JOBS) --dist loadfile tests/notebooks/executed)
	$(call step,marked outputs,$(PYTEST) --nbval-lax --nbval-current-env -n $(JOBS) --dist loadfile \
	  $(WEEKS:%=$(SMOKE)/%))
	$(call step,site from the smoke run,DEEPWEEKS_BUILD=$(SMOKE) $(BIN)/jupyter-book build . \
	  --path-output $(SMOKE) -W -n --keep-going > $(SMOKE)/site.log 2>&1 || { cat $(SMOKE)/site.log; false; })
	$(call step,site in a browser,DEEPWEEKS_SITE=$(SMOKE)/_build/html $(PYTEST) tests/site)
	@printf '\n== make test: every step passed\n'

$(READY): pyproject.toml $(CONSTRAINTS)
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV) || \
	  { echo 'make: no virtual environment could be made; on Debian and Ubuntu: sudo apt install python3-venv' >&2; exit 1; }
	@echo 'make: installing into $(VENV); this takes some minutes and 6 GB the first time'
	@$(BIN)/python -m pip install -q --disable-pip-version-check $(CONSTRAINTS:%=-c %) -e '.[book,test,cluster]' || \
	  { echo 'make: the packages could not be installed; the reason is above (is there a network?)' >&2; exit 1; }
	@touch $@
