"""Models for other programs: graphs of operators (ONNX), and descriptions for catalogues (STAC-MLM)."""
