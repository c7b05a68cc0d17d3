"""One file for each group of paths; a route checks nothing itself and says what it returns."""
