"""Real servers for tests: started on free loopback ports in folders of their own, gone afterwards."""
