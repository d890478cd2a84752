"""Shows the study behind C24 and C25 in a figure and in tables, whole or as far as it has come."""
