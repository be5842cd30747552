"""The report on the data: specifications."""
