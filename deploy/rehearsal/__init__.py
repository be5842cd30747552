"""`make release-rehearsal`: good and bad releases under traffic, on this machine, with the real release tool.

A real Kafka, HAProxy and all programs run as processes; `wrk` sends the HTTP requests. Each bad release is a copy of
this code with one fault in it.
"""
