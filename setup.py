"""Only for the compiled decoder: it is built where there is a compiler, and done without where there is none."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "filmbadge.ask.decoder.compiled",
            ["src/filmbadge/ask/decoder/compiled.c"],
            extra_compile_args=["-O3", "-Wall", "-Wextra", "-Wno-missing-field-initializers", "-Wno-unused-parameter"],
            optional=True,
        )
    ]
)
