"""The live stream: the events of all services, each sent to the listeners who may see it (Server-Sent Events).

source → broadcast (with the recent events) → a listener's response; `audiences` defines which listener may see what.
"""
