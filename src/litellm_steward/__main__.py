"""``python -m litellm_steward``."""

from litellm_steward.cli import main

if __name__ == "__main__":
    main()
