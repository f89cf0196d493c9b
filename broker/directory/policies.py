"""A sharing policy from a folder of TOML files."""

from pathlib import Path

from pydantic import ValidationError

from broker.directory.errors import ChangeRefusedError
from schemas.default_policy import PolicyFileError, read_policy
from schemas.policy import Policy


class PolicyRefusedError(ChangeRefusedError):
    """The files do not make a policy."""

    code = "policy-refused"
    advice = "Compare them with schemas/default_policy; its README.md says what each word means."


def read_policy_folder(folder: Path) -> Policy:
    """Read every ``*.toml`` of a folder as one policy.

    Raises:
        PolicyRefusedError: no files, or they do not make one policy.
    """
    texts = [path.read_text("utf-8") for path in sorted(folder.glob("*.toml"))]
    if not texts:
        raise PolicyRefusedError(f"{folder} holds no .toml file")
    try:
        return read_policy(texts)
    except PolicyFileError as error:
        raise PolicyRefusedError(str(error)) from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        raise PolicyRefusedError(f"{place}: {first['msg']}") from error
