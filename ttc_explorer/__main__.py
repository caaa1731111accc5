"""``python -m ttc_explorer``."""

from ttc_explorer.cli.main import main

if __name__ == "__main__":
    main("python -m ttc_explorer")
