"""What of a LiteLLM release this product stands on, taken from a running proxy, and how two such records differ."""
