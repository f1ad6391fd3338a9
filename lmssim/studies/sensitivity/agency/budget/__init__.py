"""Budget impact: a file of who is treated and how, and costs by year since treatment."""
