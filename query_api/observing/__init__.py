"""What is told of the service while it runs: metrics, the lines of its log, spans. Never what was asked or answered."""
