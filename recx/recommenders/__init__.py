"""Target recommenders: the TwoTower contract, baselines, SASRec, fitting and ranking."""
