"""What reaches a person. A transition notes that somebody may have to be told
(triggers.py); then

1. rules.py      what was told and what is true now → what to tell (pure);
   decisions.py  the same for all connections of a person
2. evaluation.py decisions of a person → one alert for each cause, in one transaction
3. outbox.py     alerts → deliveries under the lease of their channel
4. dispatcher.py a delivery → its channel, and what became of it
"""
