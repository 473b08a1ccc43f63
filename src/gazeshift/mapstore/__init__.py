"""Any number of stored maps: written as they are computed, measured in one pass and in bounded memory. Reading does not need torch."""
