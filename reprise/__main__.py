"""`python -m reprise …`: the command line where its script is not installed, as in the project's environment."""

import sys

if __name__ == "__main__":
    try:
        from reprise.cli.commands import main
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "reprise":
            raise
        sys.exit(
            f"Error: the engine needs {error.name}, which this environment lacks; install it again as the project's "
            "README says, or use mlflow run with --env-manager uv"
        )
    main()
