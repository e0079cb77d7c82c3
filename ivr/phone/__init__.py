"""The practice phone: an exchange that plays Twilio against the product over real HTTP."""
