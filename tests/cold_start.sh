#!/usr/bin/env bash
# The README's commands where nothing is: a bare Debian with Python and make, an ordinary user
# whose home is read-only, a path with a space and an umlaut, and a source archive without .git.
#
#   sudo tests/cold_start.sh             # in /tmp/cold-start, where the bare Debian stays
#   sudo tests/cold_start.sh FOLDER SUITE
#
# SUITE is `bookworm` (Python 3.11) unless named. It needs root, debootstrap and the network: Debian
# comes from the mirror that /etc/apt names, or MIRROR. Settings of pip go in by its environment
# variables (PIP_INDEX_URL and its like); files of this machine that they name, such as wheels or
# certificates, are shown to the Debian with BIND=/first/path:/second/path.
#
# Chapters show their stored outputs and two files of tests run, so that it takes a quarter of an
# hour instead of an hour. Prints one line for each case; exits with 1 if one is red.
set -euo pipefail

root=${1:-/tmp/cold-start}
suite=${2:-bookworm}
source=$(cd "$(dirname "$0")/.." && pwd)
debian=$root/debian
course="/srv/Kurs für alle/course"
red=0

[ "$(id -u)" = 0 ] || { echo "error: this needs root, for chroot" >&2; exit 2; }
command -v debootstrap >/dev/null || { echo "error: install debootstrap" >&2; exit 2; }
named=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources} 2>/dev/null || true)
mirror=${MIRROR:-$(sed -nE 's/^(URIs:|deb) *(\[[^]]*\] *)?([^ ]*debian\/?)( .*)?$/\3/p' <<<"$named" |
  sed 1q)}
[ -n "$mirror" ] || { echo "error: /etc/apt names no mirror of Debian; give one with MIRROR=..." >&2; exit 2; }

mkdir -p "$root"
if [ ! -e "$root/$suite/ready" ]; then
  rm -rf --one-file-system "${root:?}/$suite"
  debootstrap --variant=minbase --include=python3,make "$suite" "$root/$suite" "$mirror" \
    >"$root/debootstrap.log"
  touch "$root/$suite/ready"
fi
rm -rf --one-file-system "$debian"
cp -a "$root/$suite" "$debian"

mounted=()
unmount() {
  local k
  for ((k = ${#mounted[@]} - 1; k >= 0; k--)); do umount --lazy "${mounted[k]}" || true; done
}
trap unmount EXIT
show() {  # a path of this machine, at the same place
  mkdir -p "$debian$(dirname "$1")"
  if [ -d "$1" ]; then mkdir -p "$debian$1"; else touch "$debian$1"; fi
  mount --bind -o ro "$1" "$debian$1"
  mounted+=("$debian$1")
}
mount -t proc proc "$debian/proc"; mounted+=("$debian/proc")
mount -t tmpfs -o mode=1777 shm "$debian/dev/shm"; mounted+=("$debian/dev/shm")
cp --dereference /etc/resolv.conf /etc/hosts "$debian/etc/"

grep -q '^reader:' "$debian/etc/passwd" || chroot "$debian" useradd --create-home reader
chown root:root "$debian/home/reader"; chmod 555 "$debian/home/reader"

variables=()
while IFS='=' read -r name value; do
  case $name in PIP_*|SSL_CERT_*|REQUESTS_CA_BUNDLE|*_proxy|*_PROXY) variables+=("$name=$value");; esac
done < <(env)

# A command in the course, as the reader. The home cannot be written, /tmp can.
as_reader() {
  chroot --userspec=reader:reader "$debian" env -i HOME=/home/reader USER=reader LANG=C.UTF-8 \
    PATH="${READER_PATH:-/usr/local/bin:/usr/bin:/bin}" "${variables[@]}" \
    sh -c 'cd "$1" && shift && exec "$@"' sh "$course" "$@"
}
case_of() {  # NAME, then a command; what it says goes to a log
  local name=$1 log; shift
  log=$root/$(tr -c 'a-z0-9\n' - <<<"$name").log
  if "$@" >"$log" 2>&1; then echo "green  $name"; else echo "red    $name, see $log"; red=1; fi
}
says() {  # SENTENCE, then a command that has to fail with it on one line
  local sentence=$1 said; shift
  said=$("$@" 2>&1) && { echo "it succeeded"; return 1; }
  said=$(grep -v '^make' <<<"$said" || true)
  echo "$said"
  [ "$(wc -l <<<"$said")" = 1 ] && grep -qF -- "$sentence" <<<"$said"
}

# The source archive: what git tracks or would, without .git.
mkdir -p "$debian$course"
(cd "$source" && git ls-files -co --exclude-standard -z | xargs -0 sh -c \
  'for name; do [ ! -f "$name" ] || printf "%s\0" "$name"; done' sh | tar -c --null -T -) |
  tar -x -C "$debian$course"
chroot "$debian" chown -R reader:reader "$course"

# What may be missing is told in one line.
case_of "a Python without venv" says "this Python has no venv: install" as_reader make book
case_of "no Python" says "python-that-is-not-there was not found" \
  as_reader make book PYTHON=python-that-is-not-there
printf '#!/bin/sh\nexec python3 -c "import sys; sys.version_info = (3, 9, 0); exec(sys.argv[2])" "$@"\n' \
  >"$debian/usr/local/bin/python3.9"
chmod 755 "$debian/usr/local/bin/python3.9"
case_of "an old Python" says "Python 3.9 does not fit" as_reader make book PYTHON=python3.9
chown root:root "$debian$course"; chmod 555 "$debian$course"
case_of "a folder that cannot be written" says "cannot be written" as_reader make book
chroot "$debian" chown reader:reader "$course"; chmod 755 "$debian$course"

# The set-up, the book and some of the tests.
chroot "$debian" sh -c 'command -v git && exit 1; dpkg -s python3-venv >/dev/null 2>&1 ||
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv; }' \
  >"$root/apt.log" 2>&1
IFS=: read -ra paths <<<"${BIND:-}"
for path in "${paths[@]}"; do show "$path"; done
case_of "set-up" as_reader make .venv/ready
as_reader .venv/bin/python -c '
import sys; from pathlib import Path; sys.path[:0] = [".", "book/extensions"]
from tests.conftest import take_for_executed; take_for_executed(Path("."))' >"$root/stored.log" 2>&1
case_of "make book" as_reader make book
case_of "the site is there" test -s "$debian$course/_build/html/index.html"
case_of "tests" as_reader .venv/bin/python -m pytest -q -p no:nbval --override-ini addopts= \
  tests/test_set_up.py tests/test_book.py
case_of "tests of the site without Chromium are skipped, with the reason" as_reader sh -c \
  '.venv/bin/python -m pytest -q -rs -p no:nbval --override-ini addopts= tests/test_site.py |
  grep -q "no Chromium; CHROME_PATH names one"'
exit $red
