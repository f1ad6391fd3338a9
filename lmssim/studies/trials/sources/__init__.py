"""Where simulated patients come from: a disease model, or hazards stated in the design."""
