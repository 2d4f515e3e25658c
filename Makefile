# make demo   survey a synthetic hospital on loopback and open its report
# make test   every check and test, real archives included, in PROCESSES=4: many tests wait for an archive, and not for a core
# make hunt   the properties, simulations and fuzzers with fresh randomness, for MINUTES=10; writes what it finds into out/hunt
# make wheel  build the wheel, install it as a user would, and rehearse with it
# make bench  speed against other clients, in networks of its own; writes bench/results.md
# All set up what they need: a virtual environment in .venv from locked dependencies, and as root the Debian packages.

.PHONY: demo test lint hunt wheel bench clean

DEBIAN_PACKAGES = bash-completion chromium ctn dcmtk default-jre-headless fish gcc haproxy iproute2 libc6-dev libnginx-mod-stream libpango-1.0-0 libpangoft2-1.0-0 man-db nftables nginx-light orthanc orthanc-dicomweb pixelmed-apps python3-dev python3-odil stunnel4 systemd zsh
WHEEL_PACKAGES = gcc iproute2 libc6-dev pipx python3-dev python3-venv
MINUTES = 10
PROCESSES = 4
BENCH_PACKAGES = dcmtk gcc iproute2 libc6-dev masscan nftables nmap orthanc python3-odil python3-dev

demo:
	@scripts/venv run
	@rm -rf out/demo out/demo.html
	.venv/bin/filmbadge rehearse hospital --out out/demo
	.venv/bin/filmbadge report out/demo --html out/demo.html
	@echo "Open out/demo.html in a browser."

# Tests start `filmbadge` hundreds of times. Without bytecode, which some environments switch off, each start compiles all of it.
test:
	@scripts/packages $(DEBIAN_PACKAGES)
	@$(MAKE) --no-print-directory lint
	@scripts/npm
	PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE= .venv/bin/pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder

lint:
	@scripts/venv dev
	.venv/bin/ruff format --check src tests scripts bench fuzz
	.venv/bin/ruff check src tests scripts bench fuzz
	.venv/bin/mypy
	.venv/bin/mypy --platform win32 --cache-dir .mypy_cache/win32 src
	.venv/bin/lint-imports
	.venv/bin/python scripts/generate_docs.py --check
	.venv/bin/python scripts/translations.py --check

hunt:
	@scripts/packages gcc libc6-dev python3-dev
	@scripts/venv dev
	.venv/bin/python scripts/hunt.py $(MINUTES)

wheel:
	@scripts/packages $(WHEEL_PACKAGES)
	scripts/wheel

bench:
	@scripts/packages $(BENCH_PACKAGES)
	@scripts/venv dev
	.venv/bin/python bench

clean:
	rm -rf .venv tests/npm/node_modules out build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
