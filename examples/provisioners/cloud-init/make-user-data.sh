#!/bin/sh
# Writes user-data for one machine, or for as many as the token has uses, on standard output:
#
#   umask 077
#   boma-master token create --env dev --ttl 30m | sh make-user-data.sh https://mirror.example.org/boma SHA256SUMS > user-data
#
# The first word is where the agent's packages lie, the second the release's SHA256SUMS, whose signature you have
# checked. The token comes by standard input and not as an argument, which everybody on this machine could read.
set -eu

fail() {
  echo "make-user-data.sh: $1" >&2
  exit 2
}

[ $# = 2 ] || fail "give URL SHA256SUMS, and what \`boma-master token create\` prints on standard input"
url=${1%/}
case $url in
http://* | https://*) ;;
*) fail "$1 is no http:// or https:// URL" ;;
esac
case $url in *[!A-Za-z0-9._~:/@%+-]*) fail "$1 has characters that no plain URL has" ;; esac
sums=$(sed -n 's/^\([0-9a-f]\{64\}\)[ ][ *]\(boma-agent_[^ /]*\.deb\)$/\1  \2/p' "$2")
[ -n "$sums" ] || fail "$2 names no boma-agent_VERSION_ARCH.deb"
token=$(grep -o 'boma1\.[A-Za-z0-9_.=-]*' | head -n 1) ||
  fail "there is no long token (boma1.…) on standard input"
[ -n "$token" ] || fail "there is no long token (boma1.…) on standard input"

# By the environment, and not as arguments: see above.
TOKEN=$token URL=$url SUMS=$sums awk '
  /@TOKEN@/ { sub(/@TOKEN@/, ENVIRON["TOKEN"]) }
  /@URL@/ { sub(/@URL@/, ENVIRON["URL"]) }
  /@SUMS@/ {
    indent = $0
    sub(/@SUMS@.*/, "", indent)
    count = split(ENVIRON["SUMS"], lines, "\n")
    for (at = 1; at <= count; at++) print indent lines[at]
    next
  }
  { print }
' "$(dirname "$0")/user-data.template.yaml"
