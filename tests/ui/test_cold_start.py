"""What stands between the start and an open page: nothing that only a run or a figure needs."""

import subprocess
import sys

import pytest

from ttc_explorer.asset_files import PACKAGE_FOLDER

OPEN_THE_PAGES = """
import sys
import ttc_explorer.app as app
from ttc_explorer.ui.results_store import shipped_results
app.build_app(app.ModelManager(None), None)
late = ("torch", "transformers", "scipy", "sympy", "plotly", "statsmodels")
print([name for name in late if name in sys.modules], shipped_results()._loaded)
"""


@pytest.mark.slow
def test_pages_are_built_without_models_and_without_tables_of_results():
    built = subprocess.run(
        [sys.executable, "-c", OPEN_THE_PAGES],
        cwd=PACKAGE_FOLDER.parent,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert built.stdout.splitlines()[-1] == "[] {}"
