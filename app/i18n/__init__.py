"""Text, dates, durations and time zones in the language of a reader."""
