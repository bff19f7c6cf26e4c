"""What the base model keeps of an image, and what it has learned."""
