"""The journal: where events become durable before anybody hears of them.

An entry of `sqlite_journal.SqliteJournal` is an envelope with a hash that covers the one before it (`envelope`); what
can name a person is in it only as ciphertext, under a key that can be deleted (`vault`). Nothing is imported here: the
embedded engine pays only for what it uses.
"""
