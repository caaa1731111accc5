"""Opens the page: ``python app.py``, as a Space of Hugging Face starts it."""

from ttc_explorer.app import main

if __name__ == "__main__":
    main()
