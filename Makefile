# `make help` tells what there is. Every recipe is one bash script; what is not a result goes to stderr.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
ARGS ?=
CORPORA ?= ../shared/corpora
DOWNLOADS ?= corpora
RUNS ?= runs
SEED ?= seed
STREAMING ?= streaming
RELEASE ?= bookworm
TARGET ?= model
SECONDS ?= 600

# An environment is made anew when its requirements change, or the Python that it was made with.
made_by := made-by-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
run_env := .venv/$(made_by)
dev_env := .venv-dev/$(made_by)
peers_env := .venv-peers/$(made_by)
fuzz_env := .venv-fuzz/$(made_by)
dev := .venv-dev/bin

export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help run test test-system arm64-smoke endurance fuzz detector model laboratory emouerj bench demonstration wheel clean install-run-needs prepare-dev prepare-fuzz install-dev-needs

help: ## tell what there is
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Whoever chose an input, a device or a file for the results wants no demonstration; a file of settings may do so.
chosen = $(filter -i% -d% --input% --device% --config%,$(ARGS)) \
	$(foreach option,INPUT DEVICE CONFIG,$(EMOTION_STREAMER_$(option))) \
	$(foreach format,text jsonl csv label,$(findstring $(format):,$(ARGS) $(EMOTION_STREAMER_OUTPUT)))

run: $(run_env) ## listen to the microphone; without one, and no -o FORMAT:PATH, to the demonstration clip; ARGS='-o jsonl'
	@start=.venv/bin/emotion-streamer
	$(if $(strip $(chosen)),exec $$start run $(ARGS))
	status=0
	said=$$($$start devices 2>&1 >/dev/null) || status=$$?
	case $$status in
	0) exec $$start run $(ARGS) ;;
	3) echo "$$said. Instead, the bundled demonstration clip goes the same way, paced as if live" >&2
	   exec $$start run -i streamer/demonstration.flac --realtime $(ARGS) ;;
	*) echo "$$said" >&2; exit $$status ;;
	esac

test: $(dev_env) ## check style, types and spelling, and run every test that needs no audio server
	@$(dev)/ruff check
	$(dev)/ruff format --check
	$(dev)/mypy
	$(dev)/codespell --ignore-words-list=alle,hda,puls $(spelled) # in names of devices
	$(dev)/pytest -rs -n auto --cov --cov-report=term-missing:skip-covered --cov-fail-under=95

spelled = .ci/run $(wildcard *.md *.cfg *.toml Makefile) $(shell find streamer export training tests benchmarks docs \
	-name '*.py' -o -name '*.sh' -o -name '*.md')

test-system: $(dev_env) ## run the tests with a virtual microphone; installs what they need with apt (root)
	@tests/system/install_audio.sh valgrind systemd-container dbus strace
	tests/system/fetch_pipewire.sh .pipewire
	$(dev)/pytest --system -rs -n 4 # most of the time they wait

arm64-smoke: $(run_env) ## run the wheel in an emulated Raspberry Pi userland (root); RELEASE=trixie for the newer one
	@tests/system/arm64_smoke.sh $(RELEASE)

endurance: $(dev_env) ## what takes hours: 48 simulated ones, each fault of an audio server 100 times, an hour of speech with faults (root)
	@tests/system/install_audio.sh
	export PYTHONPATH=.:tests
	$(dev)/python -m benchmarks.hours --hours 48 --out docs/results
	$(dev)/python tests/system/endurance.py faults --times 100 --kept $(RUNS)/endurance --out docs/results
	$(dev)/python tests/system/endurance.py soak --minutes 60 --kept $(RUNS)/endurance --out docs/results

fuzz: $(fuzz_env) ## look for input that breaks TARGET (a module of tests/fuzz) for SECONDS; goes on where it ended
	@PYTHONPATH=.:tests .venv-fuzz/bin/python -m fuzz $(TARGET) $(SECONDS)

# Each of the following goes on where it was interrupted: what was trained is kept outside the work tree.
detector: $(dev_env) ## train what tells speech from noise on CORPORA, export to streamer/models/speech.onnx (half an hour)
	@$(dev)/python -m training detector $(CORPORA) --out $(RUNS)/detector
	$(dev)/python -m export $(RUNS)/detector -o streamer/models/speech.onnx

model: $(dev_env) ## train on CORPORA, evaluate and export to streamer/models/emotion.onnx (hours)
	@run=$(RUNS)/streaming
	$(call fit_and_evaluate,$(STREAMING),$(CORPORA),$$run)
	$(dev)/python -m export $$run -o streamer/models/emotion.onnx

laboratory: $(dev_env) ## how right both networks are, beside openSMILE with SVMs, from CORPORA, and the reports (hours); not states, voices, partials, noise_alone, model_cost, instructions and other python -m benchmarks.NAME
	@$(call fit_and_evaluate,$(SEED),$(CORPORA),$(RUNS)/seed)
	$(call fit_and_evaluate,$(STREAMING),$(CORPORA),$(RUNS)/streaming)
	$(dev)/python -m training compare $(CORPORA) $(RUNS)/streaming $(RUNS)/seed --out $(RUNS)/comparison
	$(dev)/python -m training report $(RUNS)/streaming $(RUNS)/seed --corpora-dir $(CORPORA) --out $(RUNS)/report

emouerj: $(dev_env) ## fetch emoUERJ into DOWNLOADS; train, evaluate, report and export both networks on it
	@$(dev)/python -m training fetch emouerj $(DOWNLOADS)
	$(dev)/python -m training describe $(DOWNLOADS) --corpora emouerj --out $(RUNS)/emouerj
	$(call fit_and_evaluate,$(SEED),$(DOWNLOADS) --corpora emouerj,$(RUNS)/emouerj/seed)
	$(call fit_and_evaluate,$(STREAMING),$(DOWNLOADS) --corpora emouerj,$(RUNS)/emouerj/streaming)
	$(dev)/python -m training report $(RUNS)/emouerj/streaming $(RUNS)/emouerj/seed --corpora-dir $(DOWNLOADS) \
		--out $(RUNS)/emouerj/report
	for network in seed streaming; do
		$(dev)/python -m export $(RUNS)/emouerj/$$network -o $(RUNS)/emouerj/$$network.onnx
	done
	echo "ready: $(dev)/emotion-streamer run --model $(RUNS)/emouerj/streaming.onnx" >&2

define fit_and_evaluate
[ -f $(3)/run.json ] || $(dev)/python -m training fit $(1) $(2) --out $(3)
$(dev)/python -m training evaluate $(1) $(2) --out $(3)
endef

bench: $(run_env) $(dev_env) $(peers_env) ## measure what it costs beside its peers (an hour, and 2 GB of peers to install); ARGS='--rounds 1' for a look, '--out docs/results' to keep it
	@$(dev)/python -m benchmarks.peers $(ARGS)

demonstration: ## make streamer/demonstration.flac anew (espeak-ng and sox)
	@tests/system/make_demonstration.sh

wheel: $(run_env) ## build dist/*.whl
	@.venv/bin/pip wheel -qq --no-deps -w dist . >&2
	ls dist/*.whl

clean: ## remove all that was made here but runs/ and corpora/
	@rm -rf .venv .venv-dev .venv-peers .venv-fuzz build dist .pipewire *.egg-info .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find streamer export training tests benchmarks -name __pycache__ -exec rm -rf {} +

# What this machine must have. Prints the Debian packages that are missing, one a line.
define look_around
import ctypes.util, importlib.util, sys
if sys.maxsize < 2**32:
    sys.exit("a 64-bit userland is needed and this Python is 32-bit; Raspberry Pi OS comes as a 64-bit image, too")
if sys.version_info < (3, 11):
    sys.exit("Python 3.11 or newer is needed, this is %d.%d; name another with PYTHON=" % sys.version_info[:2])
if not importlib.util.find_spec("ensurepip"):
    print("python3-venv")
if "portaudio" in sys.argv and not ctypes.util.find_library("portaudio"):
    print("libportaudio2")
endef
export look_around

define prepare
missing=$$($(PYTHON) -c "$$look_around" $(1) | xargs)
[ -n "$$missing" ] || exit 0
as_root=$$([ "$$(id -u)" = 0 ] || command -v sudo) && command -v apt-get >/dev/null ||
	{ echo "please install $$missing (Debian's names) first" >&2; exit 1; }
echo "installing $$missing with apt" >&2
get="$$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120"
said=$$({ $$get update && $$get install -y --no-install-recommends $$missing; } 2>&1) || { echo "$$said" >&2; exit 1; }
endef

install-run-needs:
	@$(call prepare,portaudio)

install-dev-needs:
	@$(call prepare)

prepare-fuzz: $(fuzz_env)

prepare-dev: $(dev_env) ## make .venv-dev, in which to train and test

$(run_env): setup.cfg pyproject.toml | install-run-needs
	@echo "making .venv, once" >&2
	$(PYTHON) -m venv --clear .venv
	.venv/bin/pip install -qq --only-binary=:all: -e . >&2
	touch $@

$(dev_env): setup.cfg pyproject.toml | install-dev-needs
	@echo "making .venv-dev, once (TensorFlow is in it: some 2 GB)" >&2
	$(PYTHON) -m venv --clear .venv-dev
	.venv-dev/bin/pip install -qq -e '.[training,compare,test]' >&2
	touch $@

$(peers_env): benchmarks/peers/requirements.txt | install-dev-needs
	@echo "making .venv-peers, once" >&2
	$(PYTHON) -m venv --clear .venv-peers
	.venv-peers/bin/pip install -qq -r $< >&2
	.venv-peers/bin/pip install -qq --no-deps silero-vad==6.2.3 >&2 # for its network: the package itself wants torch
	touch $@

$(fuzz_env): setup.cfg tests/fuzz/requirements.txt | install-dev-needs
	@echo "making .venv-fuzz, once" >&2
	$(PYTHON) -m venv --clear .venv-fuzz
	.venv-fuzz/bin/pip install -qq --only-binary=:all: -e . -r tests/fuzz/requirements.txt >&2
	touch $@
