"""Made-up patients: message writers, vignettes and the synthetic hospital. Nothing here is about a real person."""
