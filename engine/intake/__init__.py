"""Other people's formats in: files of calls, read into plain values and checked line by line."""
