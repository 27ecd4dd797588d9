"""What the agent sees: view models and tool functions, one file per resource.

This side of the house is clean and bounded: nothing the proxy said reaches a view uncleaned.
"""
