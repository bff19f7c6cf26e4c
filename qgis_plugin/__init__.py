"""The QGIS plugin: Processing algorithms that start the engine as a process of its own."""
