"""The live stream: the events of all services, each to the listeners who may know of it (Server-Sent Events).

source → broadcast (with the recent events) → a listener's response; `audiences` says who may hear what.
"""
