"""The sandbox order system: the REST contract on SQLite with a small cast of invented people.

A process of its own (`python -m ivr.orders.sandbox`), so that practice crosses a real network boundary.
"""
