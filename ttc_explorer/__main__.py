"""``python -m ttc_explorer``."""

from ttc_explorer.cli.main import cli

if __name__ == "__main__":
    cli(prog_name="python -m ttc_explorer")
