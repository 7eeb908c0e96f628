"""The stream: changes on their way to every open page."""
