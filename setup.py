"""Only for the compiled decoder: it is built where there is a compiler, and done without where there is none."""

import sys

from setuptools import Extension, setup

GCC = ["-O3", "-fvisibility=hidden", "-Wall", "-Wextra", "-Wno-missing-field-initializers", "-Wno-unused-parameter"]
DECODER = "src/filmbadge/ask/decoder/"

setup(
    ext_modules=[
        Extension(
            "filmbadge.ask.decoder.compiled",
            [DECODER + name for name in ("compiled.c", "personal.c", "values.c", "programs.c", "element.c")],
            depends=[DECODER + name for name in ("core.h", "values.h", "programs.h", "element.h")],
            extra_compile_args=[] if sys.platform == "win32" else GCC,  # Microsoft's compiler takes none of these
            optional=True,
        )
    ]
)
