#!/usr/bin/env bash
# Installs what the tests need and runs every test, from any directory, as often as you like.
# Arguments go to pytest: bash tests/run.sh tests/search -k beam
# The fast ones, within a minute on two cores: bash tests/run.sh -m "not slow and not e2e"
# A file's tests stay together in one process of as many as there are cores (-n 0: all in this one).
# With --vllm it runs the tests on a real vLLM server instead (CPU; 3.4 GB to download, an hour at worst): it
# is installed in the folder TTC_VLLM_ENV, by default in the user's cache.
# With --llama it runs those on llama.cpp's real server with a real 135M chat model (CPU; 130 MB to
# download, ten minutes), in the folder TTC_LLAMA_ENV, by default in the user's cache. With TTC_GSM8K=FILE
# it also answers the first 20 questions of that file, as OpenAI's grade-school-math has them.
# With --docker it carries out the Dockerfile, without Docker (tests/docker.py; root on Linux, 2 GB of packages).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export HF_HUB_OFFLINE=1 GRADIO_ANALYTICS_ENABLED=False TOKENIZERS_PARALLELISM=false
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}" # tiny models: a second thread costs more than it brings
# Freed memory stays with the process: where a page fault is dear, training is several times as fast.
export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-1}" MALLOC_TOP_PAD_="${MALLOC_TOP_PAD_:-268435456}"

# What pip cannot install. As root on Debian we install it; elsewhere we say what to do.
needs() { # needs WHAT PACKAGE...
    local what=$1
    shift
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
    else
        echo "The tests need $what: install it (on Debian: sudo apt-get install $*) and try again." >&2
        exit 1
    fi
}

# A virtual environment that is active is used; otherwise the checkout gets its own, in .venv.
if ! python3 -c 'import sys; sys.exit(sys.prefix == sys.base_prefix)' 2>/dev/null; then
    if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
        python3 -c 'import ensurepip' 2>/dev/null || needs "Python's venv module" python3-venv
        python3 -m venv .venv
    fi
    source .venv/bin/activate
fi
python -m pip install --quiet --disable-pip-version-check -r requirements.txt -r tests/requirements.txt

if [ "${1:-}" = --vllm ]; then
    shift
    export TTC_VLLM_ENV="${TTC_VLLM_ENV:-${XDG_CACHE_HOME:-$HOME/.cache}/ttc-explorer-vllm}"
    bash tests/vllm/install.sh "$TTC_VLLM_ENV"
    exec python -m pytest tests/vllm "$@"
fi

if [ "${1:-}" = --llama ]; then
    shift
    export TTC_LLAMA_ENV="${TTC_LLAMA_ENV:-${XDG_CACHE_HOME:-$HOME/.cache}/ttc-explorer-llama}"
    bash tests/llama/install.sh "$TTC_LLAMA_ENV"
    exec python -m pytest -s tests/llama "$@"
fi

if [ "${1:-}" = --docker ]; then
    shift
    TTC_DOCKER=1 exec unshare --mount python -m pytest -s tests/test_docker.py "$@"
fi

command -v chromium >/dev/null || needs "Chromium" chromium fonts-liberation

ruff check .
ruff format --check .
mypy
exec python -m pytest -n auto --dist loadfile "$@"
