"""Figures of what training changes beside gains: bounds of whole networks, alignments."""
