"""Services that answer questions about a run, their server, the web page, and the forms in `widgets`."""
