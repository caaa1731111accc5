"""Scripts that the page fetches as files of their own, each once, however many components use them.

Gradio fetches what stands in a component's ``head`` once, and runs the component's own script after
it. The files are addressed by their content, relative to the page: a browser keeps them for good,
and they are found under whatever path the application is served.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ttc_explorer.ui.html_templates import render
from ttc_explorer.ui.run_viewer.module_bundler import bundle_modules

FOLDER_OF_ADDRESSES = "scripts"
KEPT_FOR_GOOD = {"Cache-Control": "public, max-age=31536000, immutable"}

_scripts: dict[str, str] = {}
"""Name in the address -> the script."""


def script_head(name: str, script: str) -> str:
    """What a component has in its ``head`` to have a script fetched.

    Args:
        name: of the script, in its address.
        script: the script. It is served by the routes of ``script_routes`` from now on.

    Returns:
        The HTML of a script element.
    """
    address = f"{name}-{sha256(script.encode()).hexdigest()[:16]}.js"
    _scripts[address] = script
    return render("script_head.html", address=f"{FOLDER_OF_ADDRESSES}/{address}")


def module_head(
    name: str, constant: str, entry: Path, exports: tuple[str, ...], options: Mapping[str, object]
) -> str:
    """What a component has in its ``head`` to have modules fetched.

    Args:
        name: of the script, in its address.
        constant: of the window, which then has what the module exports, and ``options``.
        entry: the module's file.
        exports: the names of what it exports.
        options: as JSON can hold them.

    Returns:
        The HTML of a script element.
    """
    value = f"{{ {', '.join(exports)}, options: {json.dumps(options)} }}"
    script = f"(() => {{\n{bundle_modules(entry, exports)}window.{constant} = {value};\n}})();\n"
    return script_head(name, script)


def script_routes() -> list[Route]:
    """The routes of the application by which the scripts are served."""
    return [Route(f"/{FOLDER_OF_ADDRESSES}/{{address}}", _serve_script)]


def _serve_script(request: Request) -> Response:
    script = _scripts.get(request.path_params["address"])
    if script is None:
        return PlainTextResponse("There is no such script: load the page again.", 404)
    return Response(script, media_type="text/javascript", headers=KEPT_FOR_GOOD)
