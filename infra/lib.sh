# Sourced by the check scripts, which run at the repository's root.

step() { printf '\n=== %s (%s s)\n' "$1" "$SECONDS"; }
need() { command -v "$1" >/dev/null || { echo "$1 is missing: $2" >&2; exit 1; }; }

# usage: environment NAME REQUIREMENTS...
# Prints where the Python environment of that name is, after making it if the requirements (or Python) have changed.
environment() {
  local home="$PWD/target/check/$1" stamp
  shift
  stamp="$home/$({ python3 --version; cat "$@"; } | sha256sum | cut -c1-16)"
  if [ ! -e "$stamp" ]; then
    # Within $(…) bash forgets `set -e`.
    rm -rf "$home" && python3 -m venv "$home" \
      && "$home/bin/pip" install --quiet --disable-pip-version-check "${@/#/-r}" >&2 \
      && touch "$stamp" || return 1
  fi
  echo "$home"
}
