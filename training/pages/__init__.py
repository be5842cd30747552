"""HTML pages and figures, shared by the data report, the study comparison, the drift report and the model card."""
