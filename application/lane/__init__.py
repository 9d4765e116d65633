"""A broker's lane: the only place that sends its orders, one at a time, with what goes before each of them."""
