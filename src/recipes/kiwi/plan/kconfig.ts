/**
 * `/.kconfig`: the shell functions that scripts of descriptions call, written for POSIX shells. Where a function cannot
 * mean anything in a tree that is not running, it says so and fails.
 */
export const kconfig = String.raw`# Functions for the scripts of image descriptions.

Echo() { printf '%s\n' "$*"; }

Debug() { if [ -n "$DEBUG" ]; then printf '+++++> %s\n' "$*" >&2; fi; }

# Removes files, and says which.
Rm() { Debug "rm $*"; rm "$@"; }

# Sets VARIABLE="VALUE" in a file of assignments; a variable that is not there is added.
baseUpdateSysConfig() {
    if [ $# -ne 3 ]; then
        echo "baseUpdateSysConfig: expected a file, a variable and a value" >&2
        return 1
    fi
    if [ ! -e "$1" ]; then
        echo "baseUpdateSysConfig: $1: no such file" >&2
        return 1
    fi
    _file=$(mktemp) || return 1
    _name=$2 _value=$3 awk '
        BEGIN {
            name = ENVIRON["_name"]
            value = ENVIRON["_value"]
            gsub(/["\\$\140]/, "\\\\&", value)
            line = name "=\"" value "\""
        }
        index($0, name "=") == 1 { if (!done) print line; done = 1; next }
        { print }
        END { if (!done) print line }
    ' "$1" > "$_file" && cat "$_file" > "$1"
    _status=$?
    rm -f "$_file"
    return $_status
}

_systemdDirectories="/etc/systemd/system /run/systemd/system /usr/local/lib/systemd/system /usr/lib/systemd/system /lib/systemd/system"

# Whether there is a unit of the name: a service, where the name has no suffix.
baseSystemdServiceInstalled() {
    case $1 in
        *.service | *.socket | *.target | *.timer | *.mount | *.path) _unit=$1 ;;
        *) _unit=$1.service ;;
    esac
    # A template stands for all its instances.
    case $_unit in
        *@*.*) _template=$(echo "$_unit" | sed 's/@.*\./@./') ;;
        *) _template=$_unit ;;
    esac
    for _directory in $_systemdDirectories; do
        if [ -e "$_directory/$_unit" ] || [ -e "$_directory/$_template" ]; then
            echo "$_unit"
            return 0
        fi
    done
    return 1
}

baseSysVServiceInstalled() {
    [ -x "/etc/init.d/$1" ] && echo "$1"
}

# baseSystemdCall SERVICE ACTION...: systemctl for a service that is installed.
baseSystemdCall() {
    _service=$1
    shift
    if baseSystemdServiceInstalled "$_service" > /dev/null; then
        systemctl "$@" "$_service"
    else
        echo "service $_service not found, \"systemctl $*\" is left out" >&2
    fi
}

# Whether a service starts with the machine, by systemd or by its script of System V.
_service() {
    if baseSystemdServiceInstalled "$1" > /dev/null; then
        systemctl "$2" "$1"
    elif [ -x "/etc/init.d/$1" ]; then
        if command -v chkconfig > /dev/null; then
            if [ "$2" = enable ]; then chkconfig "$1" on; else chkconfig "$1" off; fi
        else
            update-rc.d "$1" "$2"
        fi
    else
        echo "service $1 not found" >&2
        return 1
    fi
}

baseInsertService() { _service "$1" enable; }

baseRemoveService() { _service "$1" disable; }

# baseService SERVICE on|off
baseService() {
    case $2 in
        on) baseInsertService "$1" ;;
        off) baseRemoveService "$1" ;;
        *)
            echo "baseService: expected a service and on or off" >&2
            return 1
            ;;
    esac
}

suseInsertService() { baseInsertService "$@"; }

suseRemoveService() { baseRemoveService "$@"; }

suseService() { baseService "$@"; }

# Makes the target of a runlevel the one that machines start with.
baseSetRunlevel() {
    case $1 in
        1 | rescue | rescue.target) _target=rescue.target ;;
        2 | 3 | 4 | multi-user | multi-user.target) _target=multi-user.target ;;
        5 | graphical | graphical.target) _target=graphical.target ;;
        *.target) _target=$1 ;;
        *)
            echo "baseSetRunlevel: there is no runlevel $1" >&2
            return 1
            ;;
    esac
    for _directory in /usr/lib/systemd/system /lib/systemd/system /etc/systemd/system; do
        if [ -e "$_directory/$_target" ]; then
            mkdir -p /etc/systemd/system &&
                ln -sfn "$_directory/$_target" /etc/systemd/system/default.target
            return
        fi
    done
    echo "baseSetRunlevel: there is no $_target" >&2
    return 1
}

# Makes the product that is installed the base product.
suseSetupProduct() {
    [ -d /etc/products.d ] || return 0
    _product=
    for _release in /etc/products.d/*.prod; do
        [ -e "$_release" ] || continue
        if [ ! -L "$_release" ]; then
            _product=$(basename "$_release")
            break
        fi
    done
    if [ -n "$_product" ]; then ln -sfn "$_product" /etc/products.d/baseproduct; fi
}

# baseStripAndKeep NAME...: reads paths, one in a line, and removes those whose last component is none of the names.
baseStripAndKeep() {
    while IFS= read -r _path; do
        _last=$(basename "$_path")
        _keep=
        for _name in "$@"; do
            if [ "$_name" = "$_last" ]; then _keep=1; fi
        done
        if [ -z "$_keep" ]; then Rm -rf "$_path"; fi
    done
}

# baseStripLocales "LOCALE..."
baseStripLocales() {
    if [ -d /usr/lib/locale ]; then
        find /usr/lib/locale -mindepth 1 -maxdepth 1 | baseStripAndKeep $* C.utf8 C.UTF-8 locale-archive
    fi
}

# baseStripTranslations "NAME...": message catalogs but those of the names.
baseStripTranslations() {
    if [ -d /usr/share/locale ]; then
        find /usr/share/locale -name '*.mo' | baseStripAndKeep $*
    fi
}

# Removes libraries that nothing in the usual directories of programs and libraries needs, but those of kiwi_strip_libs.
baseStripUnusedLibs() {
    if ! command -v ldd > /dev/null; then
        echo "baseStripUnusedLibs: needs ldd" >&2
        return 1
    fi
    _needed=$(mktemp) || return 1
    find /bin /sbin /usr/bin /usr/sbin /usr/lib /usr/lib64 /usr/libexec -type f -perm -0100 2> /dev/null |
        while IFS= read -r _program; do ldd "$_program" 2> /dev/null; done |
        awk '{ for (i = 1; i <= NF; i++) if (substr($i, 1, 1) == "/") print $i }' |
        while IFS= read -r _library; do readlink -f "$_library"; done | sort -u > "$_needed"
    for _library in $(find /lib /lib64 /usr/lib /usr/lib64 -maxdepth 1 -name '*.so*' -type f 2> /dev/null); do
        _keep=
        for _name in $kiwi_strip_libs; do
            case $(basename "$_library") in "$_name"*) _keep=1 ;; esac
        done
        if [ -z "$_keep" ] && ! grep -qxF "$(readlink -f "$_library")" "$_needed"; then Rm -f "$_library"; fi
    done
    rm -f "$_needed"
}

# What boxes of vagrant need: its well-known public key is written by the caller's description, root rights are here.
baseVagrantSetup() {
    if ! id vagrant > /dev/null 2>&1; then
        echo "baseVagrantSetup: there is no user vagrant" >&2
        return 1
    fi
    mkdir -p /etc/sudoers.d && echo 'vagrant ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/vagrant &&
        chmod 0440 /etc/sudoers.d/vagrant
    if [ -e /etc/ssh/sshd_config ]; then baseSystemdCall sshd enable; fi
}

_unknownFunction() {
    echo "$1: this function is not provided: write what it should do into the script" >&2
    exit 1
}

for _name in baseCleanMount baseDisableCtrlAltDel baseGetPackagesForDeletion baseGetProfilesUsed baseMount \
    baseSetupBoot baseSetupBuildDay baseSetupInPlaceGITRepository baseSetupInPlaceSVNRepository \
    baseSetupOEMPartition baseSetupPlainTextGITRepository baseSetupUserPermissions baseStripDocs \
    baseStripFirmware baseStripInfos baseStripInitrd baseStripKernel baseStripMans baseStripModules baseStripRPM \
    baseStripTools rhelSetupProduct suseActivateDefaultServices suseActivateServices suseCloneRunlevel suseConfig \
    suseGFXBoot suseImportBuildKey suseRemovePackagesMarkedForDeletion suseRemoveYaST \
    suseSetupProductInformation suseStripFirmware suseStripInitrd suseStripKernel suseStripModules \
    suseStripPackager suseStripRPM; do
    eval "$_name() { _unknownFunction $_name; }"
done
`;
