package experiment

// Where the papers say what they say.
const (
	in07Setting  = "TOCS 2007, section 4 (methodology)"
	in07Local    = "TOCS 2007, section 3 (local randomness)"
	in07Converge = "TOCS 2007, section 4 (global randomness), convergence"
	in07Degree   = "TOCS 2007, section 4 (global randomness), in-degree distribution"
	in07Dynamics = "TOCS 2007, section 4 (global randomness), in-degree over time"
	in07Graph    = "TOCS 2007, section 4 (global randomness), clustering and path lengths"
	in07Failure  = "TOCS 2007, section 5 (fault tolerance), catastrophic failure"
	in07Churn    = "TOCS 2007, section 5 (fault tolerance), churn"

	in04Setting  = "Middleware 2004, section 4 (methodology)"
	in04Converge = "Middleware 2004, section 5 (convergence)"
	in04Degree   = "Middleware 2004, section 6 (degree distribution)"
	in04Failure  = "Middleware 2004, section 7 (self-healing)"

	inHyParView = "HyParView, DSN 2007, section 5"
	inPlumtree  = "Plumtree, SRDS 2007, section 4"
)
