"""A real Apache Kafka broker on this machine, without Docker: jars from Maven, a Java that runs them, a KRaft node."""
