"""The stream's protocol with no socket and no clock in it: messages, codecs and sessions, shared by both sides."""
