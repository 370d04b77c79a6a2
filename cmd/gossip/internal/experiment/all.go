package experiment

// All are the experiments, in the order of the page.
var All = []*Experiment{
	convergence,
	degreeDistribution,
	partitioning,
	degreeOverTime,
	catastrophicFailure,
	selfHealing,
	churning,
	dropDead,
	localRandomness,
	peerSelection,
	attack,
	concurrency,
	pace,
	steady,
	recovery,
	partition,
	metadata,
}
