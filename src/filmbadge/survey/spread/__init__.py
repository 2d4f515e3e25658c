"""Many processes share one survey: a coordinator leases networks to workers, and keeps what they learn."""
