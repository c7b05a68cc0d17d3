"""What goes over the wire, in both directions; the OpenAPI page is made of these."""
