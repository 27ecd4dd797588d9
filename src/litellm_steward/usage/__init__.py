"""Who spent what: figures read from LiteLLM's daily rollups in the way each release allows."""
