"""Kafka as a source and as a sink: connections, bounded reading, acknowledged sending. Needs the extra ``kafka``."""
