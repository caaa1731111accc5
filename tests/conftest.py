"""Tests run beside each other: one thread each, and no test fails because the machine is busy."""

import os
import resource
from contextlib import contextmanager

import pytest
from hypothesis import settings

from ttc_explorer.extensions import load_extensions

# Before anything imports torch or Gradio, which read them once. Tests ask nothing of the network.
for _name, _value in {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "TOKENIZERS_PARALLELISM": "false",
}.items():
    os.environ.setdefault(_name, _value)

load_extensions()  # of whoever runs the tests: they must hold with what people register

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_ignore_collect(collection_path):
    """Doctests are the package's: helpers of tests are not imported to look for some, since one of
    them registers what people might."""
    if collection_path.suffix == ".py" and not collection_path.name.startswith(
        ("test_", "__init__", "conftest")
    ):
        return True


@pytest.fixture
def full_disk():
    """A block within which no file can grow beyond some bytes: writing fails as it does on a full
    disk, with another number of the system's."""

    @contextmanager
    def limited(size=10):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limited


FOLDER_MARKS = {"e2e": pytest.mark.e2e, "training": pytest.mark.slow, "vllm": pytest.mark.slow}


def pytest_collection_modifyitems(items):
    """Whole folders are marked here; a slow module or test says so itself."""
    for item in items:
        inside = item.path.relative_to(item.config.rootpath)  # a checkout may lie in any folder
        for folder in FOLDER_MARKS.keys() & inside.parts:
            item.add_marker(FOLDER_MARKS[folder])
