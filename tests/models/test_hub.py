"""Models on Hugging Face, as a small server of the same API: what is known before anything is
downloaded."""

import json
import os
import shutil
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace

import pytest

from tests.models.tiny_published_models import qwen_tokenizer, save_model, tiny_qwen
from ttc_explorer.models import catalogue, hub, memory_estimate
from ttc_explorer.models.protocol import ModelError

ROOT = Path(__file__).parents[2]
NAME = "somebody/small-chat"
SHA = "0123456789abcdef0123456789abcdef01234567"

FRESH_PROCESS_CODE = """
import json, sys
from ttc_explorer.models import catalogue, memory_estimate
from ttc_explorer.models.model_description import describe
from ttc_explorer.models.protocol import ModelError
name, free = sys.argv[1], int(sys.argv[2])
memory_estimate.free_memory = lambda device: free
description = describe(name)
part = description.generator
report = {
    "parameters": part.parameters,
    "need": part.need.weights,
    "notes": part.notes,
    "why": description.unusable,
}
lines = []
try:
    model = catalogue.load_models(name, lines.append).generator
    report |= {"loaded": model.parameters, "line": lines[-1]}
except ModelError as error:
    report["refused"] = str(error)
print(json.dumps(report))
"""
"""What a fresh process says of a model and does with it, where so many bytes are free."""


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    tokenizer = qwen_tokenizer()
    return save_model(tmp_path_factory.mktemp("repository"), tiny_qwen(tokenizer), tokenizer)


@pytest.fixture
def site(repository):
    """A server with the repository under NAME: its address, and the files that were asked for."""
    requested_files = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self, head=False):
            path = self.path.partition("?")[0]
            files = {file.name: file.stat().st_size for file in repository.iterdir()}
            if path.startswith(f"/{NAME}/resolve/"):
                name = path.rpartition("/")[2]
                if name not in files:
                    return self._send(b"", 404, {"X-Error-Code": "EntryNotFound"})
                if not head:
                    requested_files.append(name)
                body = (repository / name).read_bytes()
                return self._send(body, 200, {"ETag": f'"{name}"', "X-Repo-Commit": SHA}, head)
            if path.startswith(f"/api/models/{NAME}/tree/"):
                tree = [{"type": "file", "path": n, "size": s, "oid": n} for n, s in files.items()]
                return self._send(json.dumps(tree).encode())
            if path in (f"/api/models/{NAME}", f"/api/models/{NAME}/revision/main"):
                siblings = [{"rfilename": n, "size": s} for n, s in files.items()]
                report = {"id": NAME, "sha": SHA, "gated": False, "siblings": siblings}
                return self._send(json.dumps(report).encode())
            return self._send(b"{}", 404, {"X-Error-Code": "RepoNotFound"})

        def do_HEAD(self):
            self.do_GET(head=True)

        def _send(self, body, status=200, headers=(), head=False):
            self.send_response(status)
            for key, value in dict(headers).items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if not head:
                self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield SimpleNamespace(
        url=f"http://127.0.0.1:{server.server_port}", requested_files=requested_files
    )
    server.shutdown()
    server.server_close()


def describe_in_fresh_process(site, home, free, offline=False):
    environment = os.environ | {"HF_ENDPOINT": site.url, "HF_HOME": str(home), "TTC_DEVICE": "cpu"}
    environment |= {
        "HF_HUB_OFFLINE": str(int(offline)),
        "HF_HUB_DISABLE_XET": "1",
        "NO_PROXY": "127.0.0.1",
    }
    call = [sys.executable, "-c", FRESH_PROCESS_CODE, NAME, str(free)]
    done = subprocess.run(call, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_size_and_memory_are_known_before_the_download(site, repository, tmp_path):
    parameters = catalogue.count_parameters(list(repository.glob("*.safetensors")))

    report = describe_in_fresh_process(site, tmp_path, free=1000)
    assert (report["parameters"], report["need"]) == (parameters, 4 * parameters)
    assert report["notes"] == ["0.0 GB are downloaded when it is first loaded."]
    assert report["why"].startswith(f"{NAME} need")
    assert report["refused"] == report["why"]
    assert set(site.requested_files) == {"config.json"}

    report = describe_in_fresh_process(site, tmp_path, free=10**9)
    assert report["loaded"] == parameters
    assert report["line"].startswith(f"{NAME}: ")
    assert "model.safetensors" in site.requested_files

    site.requested_files.clear()
    report = describe_in_fresh_process(site, tmp_path, free=1000, offline=True)
    assert (report["parameters"], report["notes"], site.requested_files) == (parameters, [], [])
    assert report["refused"] == report["why"]


def files(**sizes):
    return [
        SimpleNamespace(rfilename=name.replace("__", "."), size=size)
        for name, size in sizes.items()
    ]


@pytest.mark.parametrize(
    ("listed", "sentence"),
    [
        ({"gated": "manual"}, r"^The licence of 'a/b' must be accepted first: visit .*/a/b"),
        ({"siblings": files(pytorch_model__bin=9, config__json=1)}, "no weights in safetensors"),
        (None, "no model of that name can be read"),
    ],
)
def test_what_cannot_be_downloaded_is_said_in_one_sentence(monkeypatch, listed, sentence):
    class Site:
        def model_info(self, name, **options):
            if listed is None:
                raise OSError("no network")
            return SimpleNamespace(**{"gated": False, "siblings": []} | listed)

    monkeypatch.setattr(hub, "HfApi", Site)
    monkeypatch.setattr(hub, "hub_reachable", lambda: True)
    monkeypatch.setattr(hub, "get_token", lambda: None)
    monkeypatch.setattr(hub, "downloaded_folder", lambda name: None)
    with pytest.raises(ModelError, match=sentence) as refused:
        hub.fetch_model_folder("a/b")
    assert "\n" not in str(refused.value)


def test_without_a_network_hugging_face_is_asked_once_and_not_waited_for(monkeypatch):
    asked = []

    def never(*_, **__):
        asked.append(1)
        raise OSError("Name or service not known")

    monkeypatch.setattr(hub.constants, "is_offline_mode", lambda: False)
    monkeypatch.setattr(hub, "_reached", (float("-inf"), False))
    monkeypatch.setattr(hub.httpx, "head", never)
    monkeypatch.setattr(hub, "HfApi", None)  # is not asked at all
    monkeypatch.setattr(hub, "downloaded_folder", lambda name: None)
    for _ in range(3):
        with pytest.raises(ModelError, match="Hugging Face cannot be reached"):
            hub.fetch_model_folder("a/b")
        assert catalogue.estimate_before_loading("a/b") is None
    assert len(asked) == 1


def test_a_look_up_that_hangs_is_left_behind(monkeypatch):
    released = Event()
    monkeypatch.setattr(hub.constants, "is_offline_mode", lambda: False)
    monkeypatch.setattr(hub, "_reached", (float("-inf"), False))
    monkeypatch.setattr(hub, "HUB_REACH_SECONDS", 0.01)
    monkeypatch.setattr(hub.httpx, "head", lambda *_, **__: released.wait(60))
    assert not hub.hub_reachable()
    released.set()


def test_copies_in_other_forms_are_not_counted(monkeypatch):
    kept = files(model__safetensors=7, config__json=1)
    others = [SimpleNamespace(rfilename="onnx/model.safetensors", size=100), *files(model__gguf=50)]
    site = SimpleNamespace(
        model_info=lambda name, **options: SimpleNamespace(gated=False, siblings=kept + others)
    )
    monkeypatch.setattr(hub, "HfApi", lambda: site)
    monkeypatch.setattr(hub, "hub_reachable", lambda: True)
    assert hub.download_size("a/b") == 8


def test_a_verifier_that_does_not_fit_beside_the_generator_is_refused_before_either_is_read(
    repository, tmp_path, monkeypatch
):
    need = catalogue.estimate_before_loading(str(repository))
    monkeypatch.setattr(
        memory_estimate, "free_memory", lambda device: need.weights * 3 // 2 + need.solution
    )
    monkeypatch.setattr(catalogue.model_loading, "load_causal_lm", None)
    shutil.copytree(repository, tmp_path / "RLHFlow-judge")
    with pytest.raises(ModelError, match=r"repository0 and .*RLHFlow-judge need .* of memory"):
        catalogue.load_models(f"{repository}+{tmp_path / 'RLHFlow-judge'}")
