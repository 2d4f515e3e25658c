"""National identifiers: whether a value has the shape of one, passes its rule, and says a birth date.

It knows nothing of archives. A value comes in, a verdict goes out; no value is kept, logged or put into an exception.
"""
