"""What agencies ask: severity, rates, spread over patients, budget impact."""
