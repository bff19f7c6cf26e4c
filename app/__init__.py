"""The browser app: a page on this machine that opens scenes, previews extents, runs models and measures them."""
