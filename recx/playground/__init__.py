"""Everything behind the playground: the process that holds models, what it can be asked, the web page."""
