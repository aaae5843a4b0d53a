"""Forms without logic, which import no model: they call the process that holds it."""
