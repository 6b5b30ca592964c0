"""What several tests share: the oracle, worlds and deliveries, comparisons, programs and databases."""
