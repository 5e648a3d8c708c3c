"""Where notices go: streams, HL7 v2, FHIR, webhooks and Kafka."""
