"""Eight conversations with a real LiteLLM proxy, through the server and the MCP SDK's own client. See `make demo`."""
