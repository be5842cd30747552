"""The data looked at before anything is trained: one HTML page with plots, no resources from elsewhere."""
