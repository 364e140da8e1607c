#!/usr/bin/env bash
# Fetches the kernels whose transcripts are in tests/kernels.
#
#   tests/guest/kernels.sh FOLDER [NAME...]    names: 5.10 6.1 6.12 7.2 uml-5.10 uml-6.1; default: all
#
# FOLDER/NAME/ then holds the Debian packages of a kernel, ready for `cowpath validate
# record --kernel`. What is there already and has the right SHA-256 is not fetched again.
# Debian deletes packages when newer ones come; then snapshot.debian.org is asked by the
# file's name. Needs curl and sha256sum; no privileges; 200 MB for all.
set -euo pipefail

if (($# == 0)); then
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
    exit 2
fi
cache=$1
shift

DEBIAN=https://deb.debian.org/debian
SECURITY=https://deb.debian.org/debian-security
SNAPSHOT=https://snapshot.debian.org

# NAME  ARCHIVE  PATH BELOW IT  SHA-256
packages() {
    cat <<END
5.10     $SECURITY  pool/updates/main/l/linux-signed-amd64/linux-image-5.10.0-46-cloud-amd64_5.10.262-1_amd64.deb  18d94781d1b3052e21967ac2262239e5f14fbf511d6c3e110629d7aa35340760
6.1      $SECURITY  pool/updates/main/l/linux-signed-amd64/linux-image-6.1.0-56-cloud-amd64_6.1.192-2_amd64.deb  e7d02b943971edcb8790e256c02cfab3bca6c3d37c1bf25392a57c71300615ee
6.12     $SECURITY  pool/updates/main/l/linux-signed-6.12-amd64/linux-image-6.12.117+deb12-cloud-amd64_6.12.117-1~deb12u1_amd64.deb  5195b288dec79e2981d6b84457f38b7ce7310a2d702930ec7d07209c7f78ce37
7.2      $DEBIAN  pool/main/l/linux-signed-amd64/linux-binary-7.2.13+deb14-cloud-amd64_7.2.13-1_amd64.deb  03e41f1c34c16583462f029e81944a85ebcdb78098c258dedfa1cfdd680a27f8
7.2      $DEBIAN  pool/main/l/linux/linux-modules-7.2.13+deb14-cloud-amd64_7.2.13-1_amd64.deb  97d79546041e3fdfb44dccff180938894d1bf8eb298f091f88539c1b37080bef
uml-5.10 $DEBIAN  pool/main/u/user-mode-linux/user-mode-linux_5.10um3+b1_amd64.deb  2cf4c2b2b36272b0b42c973d1239b4e73ad24c53d1a041a227f28bbee9b7082b
uml-6.1  $DEBIAN  pool/main/u/user-mode-linux/user-mode-linux_6.1um4+b13_amd64.deb  0ce700f835c385ab09860ad33137817402403a29e424177510244bd75a81c687
END
}

is_right() { # FILE SHA-256
    [[ -f $1 ]] && echo "$2  $1" | sha256sum --check --status
}

# Where snapshot.debian.org keeps a file: it knows binary packages by name and version.
snapshot_of() { # FILE
    local name version hash
    IFS=_ read -r name version _ <<<"$1"
    hash=$(curl --fail --silent --location "$SNAPSHOT/mr/binary/$name/$version/binfiles" |
        grep -o '"architecture": *"amd64", *"hash": *"[0-9a-f]*"' | grep -o '[0-9a-f]\{40\}') || return 1
    echo "$SNAPSHOT/file/${hash%%$'\n'*}"
}

fetch() { # NAME ARCHIVE PATH SHA-256
    local folder=$cache/$1 file=${3##*/} url
    mkdir -p "$folder"
    if is_right "$folder/$file" "$4"; then
        echo "$1: $file is there"
        return
    fi
    echo "$1: fetching $file"
    for url in "$2/$3" "$(snapshot_of "$file" || true)"; do
        if [[ -n $url ]] && curl --fail --silent --show-error --location --output "$folder/$file.part" "$url" &&
            is_right "$folder/$file.part" "$4"; then
            mv "$folder/$file.part" "$folder/$file"
            return
        fi
    done
    rm -f "$folder/$file.part"
    echo "error: $file is neither at $2 nor at $SNAPSHOT with the SHA-256 that is stated here" >&2
    echo "       name a newer package in $0 and record the kernel again" >&2
    return 1
}

status=0
while read -r name archive path hash; do
    if (($# > 0)) && [[ " $* " != *" $name "* ]]; then
        continue
    fi
    fetch "$name" "$archive" "$path" "$hash" || status=1
done < <(packages)
exit "$status"
