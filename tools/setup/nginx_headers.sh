#!/usr/bin/env bash
# nginx_headers.sh DIR: the headers that a module for the installed nginx is built against, into DIR/src (the sources'
# headers) and DIR/objs (what nginx's configure generates), with DIR/version last. CMake runs it where they are missing.
#
# Debian's nginx-dev holds them, but depends on 107 packages for 2 MB of headers; so it is downloaded and unpacked
# instead of installed. A dynamic module only loads into exactly the nginx version that it was built against.
set -euo pipefail
dir=$1
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/tools/setup/lib.sh"

version=$(dpkg-query -W -f '${Version}' nginx 2>/dev/null) || die "nginx is not installed; run ./run, which installs it"
[ "$(cat "$dir/version" 2>/dev/null)" = "$version" ] && exit 0

rm -rf "$dir"
mkdir -p "$dir"
cd "$dir"
download() { apt-get -o APT::Sandbox::User=root -qq download "nginx-dev=$version" >&2; }
# A list of packages that is older than the last security update names a file that is gone.
download || { as_root apt-get -o DPkg::Lock::Timeout=600 -qq update >&2 || true; download; } ||
  die "nginx-dev=$version cannot be downloaded. Update nginx (apt-get install nginx) and run this again."
dpkg -x nginx-dev_*.deb unpacked
rm nginx-dev_*.deb
mv unpacked/usr/share/nginx/src configure
rm -r unpacked
cd configure
# Sets NGX_CONF_FLAGS: what Debian's nginx was configured with, so that our structures have the same fields.
. ./conf_flags
sh ./configure "${NGX_CONF_FLAGS[@]}" >"$dir/configure.log" 2>&1 ||
  { tail -20 "$dir/configure.log" >&2; die "nginx's configure failed; all of it is in $dir/configure.log"; }
cd ..
mv configure/src src
mv configure/objs objs
rm -r configure
printf '%s' "$version" >version
