#!/bin/sh
# Downloads the release that DOCS_RELEASE_URL names, checks it, unpacks it and serves it. The Dockerfile lists the settings. Runs with the
# tools of Debian and with those of BusyBox.
set -eu
umask 022

url=${DOCS_RELEASE_URL:-}
checksum=${DOCS_RELEASE_SHA256:-}
port=${QUARTZ_PORT:-8080}
dir=${QUARTZ_DIR:-/var/lib/quartz}
attempts=${QUARTZ_ATTEMPTS:-6}
first_pause=${QUARTZ_PAUSE:-1}
template=${QUARTZ_CONFIG:-/etc/quartz/nginx.conf}

archive=$dir/release.tar.gz
site=$dir/site
child=

say() { printf 'start.sh: %s\n' "$*" >&2; }
fail() {
    say "$*"
    exit 1
}

# interrupted ends the foreground process. Without it the script, as process 1, would ignore signals.
interrupted() {
    trap '' TERM INT QUIT
    if [ -n "$child" ]; then
        kill "$child" 2>/dev/null || true
    fi
    say "stopped by a signal before the site was served"
    exit 143
}
trap interrupted TERM INT QUIT

# attend runs a command so that the trap handles signals while it runs.
attend() {
    "$@" &
    child=$!
    status=0
    wait "$child" || status=$?
    child=
    return "$status"
}

# shown is the URL without credentials and without the query, which may contain a token.
shown() { printf '%s' "$url" | sed -e 's|://[^/@]*@|://|' -e 's|?.*|?…|'; }

check_settings() {
    [ -n "$url" ] || fail "DOCS_RELEASE_URL is not set: give the URL of a docs-VERSION.tar.gz"
    case $url in
    http://* | https://*) ;;
    *) fail "DOCS_RELEASE_URL=$(shown): expected http://… or https://…" ;;
    esac
    case $port in
    '' | *[!0-9]*) fail "QUARTZ_PORT=$port: expected a number" ;;
    *) ;;
    esac
    case $attempts in
    '' | 0* | *[!0-9]*) fail "QUARTZ_ATTEMPTS=$attempts: expected a number from 1" ;;
    *) ;;
    esac
    case $first_pause in
    '' | *[!0-9]*) fail "QUARTZ_PAUSE=$first_pause: expected a number of seconds" ;;
    *) ;;
    esac
    checksum=$(printf '%s' "${checksum#sha256:}" | tr 'A-F' 'a-f')
    case $checksum in
    *[!0-9a-f]*) fail "DOCS_RELEASE_SHA256=$checksum: expected 64 hexadecimal digits" ;;
    *) ;;
    esac
    [ -z "$checksum" ] || [ "${#checksum}" -eq 64 ] ||
        fail "DOCS_RELEASE_SHA256 has ${#checksum} digits: expected 64 hexadecimal digits"
}

# download_once downloads the archive and writes the HTTP status, or 000 if there was none, to $dir/status.
download_once() {
    rm -f "$archive"
    attend curl --globoff --silent --show-error --fail --location --max-redirs 5 --proto '=http,https' \
        --connect-timeout 10 --max-time 300 --speed-limit 1 --speed-time 30 \
        --output "$archive" --write-out '%{http_code}' -- "$url" >"$dir/status" 2>"$dir/error"
}

# download tries until the archive is complete. It does not retry permanent errors (4xx).
download() {
    attempt=1
    pause=$first_pause
    until download_once; do
        code=$(cat "$dir/status" 2>/dev/null || true)
        why=$(cat "$dir/error")
        case $code in
        408 | 429) ;;
        4??) fail "cannot fetch $(shown): the server answers $code; check the URL and that the release is public" ;;
        *) ;;
        esac
        [ "$attempt" -lt "$attempts" ] ||
            fail "cannot fetch $(shown) in $attempts attempts; the last one: $why"
        say "attempt $attempt of $attempts failed: $why; next in $pause s"
        attend sleep "$pause" || true
        attempt=$((attempt + 1))
        pause=$((pause * 2))
        [ "$pause" -le 30 ] || pause=30
    done
}

verify() {
    actual=$(sha256sum <"$archive")
    actual=${actual%% *}
    if [ -z "$checksum" ]; then
        say "no DOCS_RELEASE_SHA256 given; the archive has $actual"
    elif [ "$actual" != "$checksum" ]; then
        fail "the archive from $(shown) has the checksum $actual, expected $checksum; it was changed, or the URL and the checksum are of different releases"
    fi
}

# inspect refuses an archive that would write outside of its folder, or that contains anything except files and folders: a link could make
# nginx serve any file of the container.
inspect() {
    gzip -t "$archive" 2>"$dir/error" || fail "the archive from $(shown) is damaged or not gzip: $(cat "$dir/error")"
    tar -tzf "$archive" >"$dir/names" 2>"$dir/error" || fail "the archive from $(shown) is damaged: $(cat "$dir/error")"
    # BusyBox lists the names as it would write them, and prints the removed parts to stderr.
    bad=$(grep -hE '^/|^\.\.$|^\.\./|/\.\./|/\.\.$|removing leading' "$dir/names" "$dir/error" | head -n 1) || true
    [ -z "$bad" ] || fail "the archive from $(shown) has an entry that leads out of the site: $bad; nothing was unpacked"
    tar -tvzf "$archive" >"$dir/names" 2>"$dir/error" || fail "the archive from $(shown) is damaged: $(cat "$dir/error")"
    bad=$(grep -v '^[-d]' "$dir/names" | head -n 1) || true
    [ -z "$bad" ] || fail "the archive from $(shown) holds something else than files and folders: $bad; nothing was unpacked"
}

# unpack creates the site next to its final place and then renames it, so that the final place has a complete one or none.
unpack() {
    mkdir "$site.new"
    # -m: the files get the time of this start. The times in the archive may be the same in each release, and nginx makes ETags of time and
    # size: a changed page of the same size would then have the same ETag.
    attend tar -xzmf "$archive" -C "$site.new" 2>"$dir/error" || fail "cannot unpack the archive into $dir: $(cat "$dir/error")"
    # BusyBox lists hard links as files.
    bad=$(find "$site.new" ! -type d -a ! -type f -o -type f -links +1 | head -n 1)
    [ -z "$bad" ] || fail "the archive from $(shown) holds something else than files and folders: ${bad#"$site.new"/}"
    [ -f "$site.new/index.html" ] ||
        fail "the archive from $(shown) has no index.html at its root; pack the content of Quartz's public/, not the folder"
    chmod -R u+rwX,go+rX "$site.new"
    mv "$site.new" "$site"
}

# configure writes nginx's configuration. No value can contain sed's separator: the port is a number, the folder is checked.
configure() {
    mkdir -p "$dir/work"
    ipv6=
    if [ -e /proc/net/if_inet6 ]; then # else the kernel has no IPv6, and nginx would refuse to start
        ipv6="listen [::]:$port;"
    fi
    sed -e "s|@PORT@|$port|g" -e "s|@LISTEN6@|$ipv6|g" -e "s|@SITE@|$site|g" -e "s|@WORK@|$dir/work|g" "$template" >"$dir/nginx.conf"
}

case $dir in
/*[!A-Za-z0-9/._-]* | [!/]*) fail "QUARTZ_DIR=$dir: expected an absolute path of letters, digits, '.', '_' and '-'" ;;
*) ;;
esac
check_settings
mkdir -p "$dir" 2>/dev/null || true
[ -w "$dir" ] || fail "cannot write to $dir as user $(id -u); mount a volume there that this user owns"
rm -rf "$site" "$site.new" "$dir/work" "$archive" # what a start before this one left
say "fetching $(shown)"
download
verify
inspect
unpack
configure
rm -f "$archive" "$dir/names" "$dir/status" "$dir/error"
say "serving $(shown) on port $port"
trap - TERM INT QUIT
exec nginx -e stderr -c "$dir/nginx.conf" -g 'daemon off;'
