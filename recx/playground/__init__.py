"""The playground: services that answer about a run, the server they answer through, the web page, the forms."""
