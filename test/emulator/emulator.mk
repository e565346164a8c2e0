# The emulated account, included by the Makefile at the root: all paths start there.

export PEAKLINE_PORT ?= 4566
EMULATOR := python3 test/emulator/control.py
VENV_READY := .venv/peakline.stamp

$(VENV_READY): test/emulator/requirements.txt
	@command -v python3 >/dev/null || { echo "python3 was not found: install Python 3.10 or newer (Debian: sudo apt-get install python3 python3-venv), then try again." >&2; exit 1; }
	@$(EMULATOR) prepare

.PHONY: up down test-emulator
up: node_modules/.ready $(VENV_READY) ## Deploy the environment local to an emulated AWS account on this machine
	@$(EMULATOR) up
	@$(EMULATOR) deploy

down: ## Stop the emulated AWS account
	@$(EMULATOR) down

test-emulator: $(VENV_READY)
	@.venv/bin/python -m unittest discover -s test/emulator/tests -t test
