"""A stand-in for conda 26.7: what MLflow asks it for. Like the real one, it knows the environments of every folder.

It lists those of the base, of CONDA_ENVS_PATH and of ~/.conda/environments.txt. It makes one by its name, in the first
folder of CONDA_ENVS_PATH or in the base's `envs`, refuses a name that is taken there, and activates by name.
"""

from pathlib import Path

CONDA = """#!/bin/bash
base=$(cd "$(dirname "$0")/.." && pwd)
known=$HOME/.conda/environments.txt
folders() { echo "${CONDA_ENVS_PATH:-}" | tr : '\\n'; echo "$base/envs"; }
listed() {
    echo "$base"
    for folder in $(folders); do for one in "$folder"/*/; do [ -d "$one/conda-meta" ] && echo "${one%/}"; done; done
    [ ! -f "$known" ] || while read -r one; do [ -d "$one/conda-meta" ] && echo "$one"; done < "$known"
}
case "$1 $2" in
    "env list") listed | sort -u | sed 's/.*/"&"/' | paste -sd, | sed 's/.*/{"envs": [&]}/' ;;
    "env create")
        place=$(folders | grep . | head -1)/$4
        if [ -e "$place" ]; then echo "CondaValueError: prefix already exists: $place" >&2; exit 1; fi
        mkdir -p "$place/conda-meta" "$place/bin" "$HOME/.conda"
        echo "$place" >> "$known"
        [ -z "$CONDA_STAND_IN_KILLED" ] || kill -KILL $$
        if [ -n "$CONDA_STAND_IN_FAILS" ]; then cat "$CONDA_STAND_IN_FAILS" >&2; exit 1; fi
        echo built >> "$HOME/built"
        touch "$place/whole" ;;
    "remove "*) ;;
    "--help "*) ;;
    *) echo "ArgumentError: $*" >&2; exit 2 ;;
esac
"""

HOOK = """
conda() {
    [ "$1" = activate ] || return 2
    for folder in $(echo "$CONDA_ENVS_PATH" | tr : ' ') "$CONDA_STAND_IN_BASE/envs"; do
        if [ -d "$folder/$2/conda-meta" ]; then export CONDA_PREFIX=$folder/$2; return 0; fi
    done
    echo "EnvironmentNameNotFound: Could not find conda environment: $2" >&2
    return 1
}
"""


def install(base: Path) -> Path:
    """Install it in a folder, as conda lies in its own, and return the program."""
    for path, content in {"bin/conda": CONDA, "condabin/conda": CONDA, "etc/profile.d/conda.sh": HOOK}.items():
        (base / path).parent.mkdir(parents=True, exist_ok=True)
        (base / path).write_text(content)
        (base / path).chmod(0o755)
    return base / "bin/conda"
