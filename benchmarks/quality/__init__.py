"""Whether what a run says of its own pixels is true."""
