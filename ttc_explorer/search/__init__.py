"""How compute is spent: strategies as pure generators over a search tree, selectors, and the
driver.

Importing anything of it registers the strategies and selectors that come with the package.
"""

from ttc_explorer.search import selectors, strategies

__all__ = ["selectors", "strategies"]
