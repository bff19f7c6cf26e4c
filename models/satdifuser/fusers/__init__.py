"""Fusers: features of many streams and times become one map a scale."""
