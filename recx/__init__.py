"""recx: align a language model to a recommender and let it explain, after RecExplainer (arXiv 2311.10947)."""

__version__ = "0.1.0"
