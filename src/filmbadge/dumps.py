"""Switches core dumps off for this process: a dump could hold a patient's value.

It is imported before anything else, so a crash while other modules are imported leaves no dump either. It acts for whoever
imports this package, a program that uses it as a library too: values pass through its memory.
"""

import sys

if sys.platform == "win32":
    import msvcrt

    msvcrt.SetErrorMode(msvcrt.SEM_NOGPFAULTERRORBOX)
else:
    import resource

    # Linux hands a dump to a program that core_pattern names whatever the limit is, but for a limit of exactly 1 byte: then it
    # starts no program, and writes no file, for a file must hold a page (core(5), fs/coredump.c). Others take 0.
    _LEAST = 1 if sys.platform == "linux" else 0
    _HARD = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (_LEAST if _HARD == resource.RLIM_INFINITY else min(_LEAST, _HARD), _HARD))
