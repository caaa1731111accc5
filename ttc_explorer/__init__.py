"""TTC Explorer: watch a language model spend test-time compute on math problems.

Floors, each importing only from those below it: ``problems`` (what is asked), ``models`` (who
answers and who judges), ``search`` (how compute is spent), ``experiments`` (what the numbers say),
``ui``.
"""

__version__ = "0.1.0"
