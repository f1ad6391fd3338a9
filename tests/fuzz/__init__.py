"""Files, tables and options spoilt at random: each must be taken whole or refused by one message."""
