"""The operator console: a page with live traffic, alerts, roles and drift, where analysts label alerts."""
