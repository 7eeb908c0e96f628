"""Dates, durations and time zones as text in the language of the reader."""
