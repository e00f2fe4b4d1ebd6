"""The languages of the interface: a catalogue for each, and its formats where Django's are not enough."""
