"""Only for the compiled decoder: it is built where there is a compiler, and done without where there is none."""

import sys

from setuptools import Extension, setup

GCC = ["-O3", "-Wall", "-Wextra", "-Wno-missing-field-initializers", "-Wno-unused-parameter"]

setup(
    ext_modules=[
        Extension(
            "filmbadge.ask.decoder.compiled",
            ["src/filmbadge/ask/decoder/compiled.c"],
            extra_compile_args=[] if sys.platform == "win32" else GCC,  # Microsoft's compiler takes none of these
            optional=True,
        )
    ]
)
