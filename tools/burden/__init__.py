"""What alarms cost: simulate a cohort, replay it, count notices, and write the page."""
