#!/bin/sh
# Print a Python 3.8 or later that really runs (a pyenv shim may exist and fail).
for name in python3 python3.10 python3.12 python3.11 python3.13 /usr/bin/python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1*/bin/python3; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 8))' >/dev/null 2>&1; then
        echo "$name"
        exit 0
    fi
done
echo "No Python 3.8 or later on the path. On Debian and Ubuntu: apt-get install python3 python3-venv" >&2
echo false
