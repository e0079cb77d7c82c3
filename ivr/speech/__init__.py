"""What callers say in their own words: intent, urgency, and whether somebody has to ask if anyone is in danger."""
