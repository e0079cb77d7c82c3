# Needs Python 3.11 or newer, git and make; everything else is installed into .venv.
PYTHON ?= python3
BIN := .venv/bin
# With the lock as constraints every machine gets the same versions, and only of what it asks for.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable

.PHONY: run test check lint format walks days chaos fhir bench model install lock browser clean help
.DEFAULT_GOAL := help

help:
	@echo "make run      the whole line with a practice phone (stop with Ctrl-C; ARGS=--help for its options)"
	@echo "make test     every check: lint, types, content, tests"
	@echo "make check    only the rules, flows and configuration"
	@echo "make lint     only ruff and mypy;  make format  puts the code in shape"
	@echo "make walks    many callers at random, who key and say anything (ARGS='--walks 100000')"
	@echo "make days     days of robots on the real line, while it breaks (ARGS='--day night --callers 200 --seed 7')"
	@echo "make chaos    2,000 calls while every part of the line dies again and again (ARGS='--resume var/chaos.json')"
	@echo "make fhir     the line on a FHIR server that is not ours (needs Node 20 and npm; docs/fhir.md)"
	@echo "make bench    how fast a turn, a decision and a proof are here, and how soon a phone is rung"
	@echo "make model    trains what understands callers' own words (docs/speech.md)"
	@echo "make install  only install;  make lock  refreshes requirements.lock"

run: .venv/installed
	@exec $(BIN)/ivr run $(ARGS)

install: .venv/installed
	@echo "Rxline is installed in .venv: make run, or $(BIN)/ivr --help"

# Four at once keep two cores busy: who tries a running line mostly waits for it.
test: .venv/installed-dev browser
	$(MAKE) --no-print-directory lint check
	$(BIN)/ivr classify --score ivr/speech/utterances/held_out*.jsonl
	$(BIN)/python -m pytest -n 4 $(ARGS)

check: .venv/installed
	$(BIN)/ivr check

# What callers say is understood by weights trained from ivr/speech/utterances/train_*.jsonl; a test holds the two together.
model: .venv/installed-dev
	$(BIN)/python -m ivr.office.training

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

walks: .venv/installed-dev
	$(BIN)/python -m tests.walks.many $(ARGS)

days: .venv/installed-dev
	$(BIN)/python -m tests.days.many $(ARGS)

chaos: .venv/installed-dev
	$(BIN)/python -m bench.chaos $(ARGS)

# Medplum's router, 120 MB of npm packages: `make test` tries it too from then on.
fhir: .venv/installed-dev .venv/fhir/installed
	$(BIN)/python -m pytest tests/fhir $(ARGS)

.venv/fhir/installed: tests/fhir/server/package.json
	@command -v npm >/dev/null || { echo "this needs Node 20 or newer with npm"; exit 2; }
	@echo "installing a FHIR server into .venv/fhir (once)"
	@mkdir -p $(@D) && cp $< $(@D) && cd $(@D) && npm install --no-package-lock --no-audit --no-fund --loglevel=error
	@touch $@

bench: .venv/installed-dev
	$(BIN)/python -m bench $(ARGS)

# The newest versions pyproject.toml allows, from an empty environment; run `make test` before keeping them.
lock:
	rm -rf .venv/lock && $(PYTHON) -m venv .venv/lock
	.venv/lock/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[bench,dev,verify]'
	{ sed -n '/^#/p' requirements.lock; \
	  .venv/lock/bin/python -m pip freeze --exclude-editable; } > .venv/requirements.lock
	mv .venv/requirements.lock requirements.lock && rm -rf .venv/lock

# The browser tests drive Debian's chromium; where it cannot be had they are skipped and say so.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || { \
	  [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo "installing chromium for the browser tests" && \
	  apt-get update -qq >/dev/null 2>&1 && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null 2>&1; } || \
	  echo "no chromium here: the browser tests will be skipped"

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Rxline needs Python 3.11 or newer; say which with: make PYTHON=python3.12 ..."; exit 2; }
	@$(PYTHON) -m venv .venv || \
	  { echo "could not make .venv; on Debian and Ubuntu: apt install python3-venv"; rm -rf .venv; exit 2; }

.venv/installed: pyproject.toml requirements.lock | .venv/bin/python
	@echo "installing Rxline into .venv (once)"
	@$(INSTALL) .
	@touch $@

.venv/installed-dev: pyproject.toml requirements.lock | .venv/bin/python
	@echo "installing Rxline and what its tests need into .venv (once)"
	@$(INSTALL) '.[dev,verify]'
	@touch $@ .venv/installed
