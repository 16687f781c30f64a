"""JT/T 808-2013 and -2019: vehicle terminals over TCP. No socket in it: bytes in, what was heard and bytes out.

Facts are those of the standard's tables, held against frames that public projects test with. `frames` is the envelope,
`messages` what is in it, `session` one terminal's connection; `engine.service.jt808_server` is the shell around it.
"""
