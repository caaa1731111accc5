#!/usr/bin/env bash
# Installs what the tests need and runs every test, from any directory, as often as you like.
# Arguments go to pytest: bash tests/run.sh tests/search -k beam
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export HF_HUB_OFFLINE=1 GRADIO_ANALYTICS_ENABLED=False TOKENIZERS_PARALLELISM=false
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}" # tiny models: a second thread costs more than it brings

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

command -v chromium >/dev/null || needs "Chromium" chromium fonts-liberation

ruff check .
ruff format --check .
exec python -m pytest "$@"
