"""How a trial is conducted: entry, allocation, follow-up, crossover, analyses and what is read from them."""
