"""What the tools of the Model Context Protocol give: JSON, as the endpoints do, where Gradio writes
Python's literals."""

from __future__ import annotations

import json
from typing import Any


def write_json(server: Any) -> None:
    """Let a server of tools write what a tool gives as one text of JSON.

    Args:
        server: the ``mcp_server_obj`` of an application that was launched; its ``types`` are those
            of the package ``mcp``, which is not there where no tools are served.
    """

    def contents(results: list[object], _root_url: str) -> list[object]:
        texts = (json.dumps(result, ensure_ascii=False) for result in results)
        return [server.types.TextContent(type="text", text=text) for text in texts]

    server.postprocess_output_data = contents
