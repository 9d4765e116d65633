"""A broker's lane: the only place that sends its orders, one at a time, after the checks that each of them needs."""
