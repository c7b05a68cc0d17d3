"""Every request that a client can make, each a flow: what to send, how to read it, what to do when it fails."""
