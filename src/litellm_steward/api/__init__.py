"""What the LiteLLM proxy says: wire models and calls, one file per resource.

This side of the house is untrusted and secret-bearing, and knows nothing of MCP.
"""
