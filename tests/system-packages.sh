#!/usr/bin/env bash
# Install the system libraries that Qt and a virtual display need, on Debian and Ubuntu.
# Does nothing where they are all there. Where it may not install them, it prints the command and fails.
set -euo pipefail

packages=(
    # a display without a screen, and OpenGL in software
    xvfb xauth libgl1 libglx-mesa0 libgl1-mesa-dri libegl1 libopengl0
    # what the Qt wheels link to
    libdbus-1-3 libfontconfig1 libfreetype6 libglib2.0-0 libxkbcommon0 libxkbcommon-x11-0 libx11-xcb1
    libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render0 libxcb-render-util0
    libxcb-shape0 libxcb-shm0 libxcb-sync1 libxcb-util1 libxcb-xfixes0 libxcb-xinerama0 libxcb-xinput0 libxcb-xkb1
)

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    command -v Xvfb >/dev/null && exit 0
    echo "The GUI tests need Xvfb and the libraries of Qt's xcb platform. This is no Debian or Ubuntu: please install" \
         "what your system calls ${packages[*]}" >&2
    exit 1
fi

# Newer releases rename some packages and say so under Provides (libglib2.0-0t64 provides libglib2.0-0).
present=" $(dpkg-query --show --showformat='${db:Status-Status} ${Package} ${Provides}\n' |
    sed -n 's/^installed //p' | tr -s ', \n' ' ') "
missing=()
for package in "${packages[@]}"; do
    [[ $present == *" $package "* ]] || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

if [[ $(id -u) -eq 0 ]]; then
    as_root=()
elif command -v sudo >/dev/null && sudo --non-interactive true 2>/dev/null; then
    as_root=(sudo --non-interactive)
else
    echo "System libraries for the GUI tests are missing, and only root can install them. Please run" >&2
    echo "    sudo apt-get update && sudo apt-get install --yes --no-install-recommends ${missing[*]}" >&2
    echo "and start again." >&2
    exit 1
fi

echo "Installing system libraries: ${missing[*]}"
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300)
"${apt[@]}" update </dev/null || echo "apt-get update had errors; trying with the package lists that are here" >&2
"${apt[@]}" install --yes --no-install-recommends "${missing[@]}" </dev/null
