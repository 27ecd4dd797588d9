"""How the server meets its clients: over stdin and stdout, or over HTTP on this machine."""
