"""Steps 5 and 6: changes on their way to every open page."""
