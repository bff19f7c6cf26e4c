"""The models that the algorithms offer by name: the one list of the plugin, without an import.

The plugin cannot ask the engine, which may not be set up yet.  The first name of a task is its default.  Saved
Processing models and scripts hold these names, so a name is never changed, only added.
"""

PANSHARPEN = ("salad-pan-tiny", "gsa", "mtf-glp-hpm", "brovey")
SUPERRES = ("bicubic", "identity")
