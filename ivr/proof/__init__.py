"""What can be known of rules before any call comes: rules nobody reaches, gaps, broken guarantees, changed decisions.

Facts have finitely many values, so all this is computed over every call there can be, and nothing is sampled. What a
time limit cut short is reported as not proved, never as fine.
"""
