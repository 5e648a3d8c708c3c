"""Where messages come from: files, MLLP, HTTP and Kafka."""
