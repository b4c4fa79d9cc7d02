"""Models on the Hugging Face hub: a commit on top of the one that its owner has seen, or none at all."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import CommitOperationAdd, HfApi, errors, get_token
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

from inkdigits.errors import ArgumentError, UserError
from inkdigits.evaluate.origins import Origin

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{7,40}")


_UNREACHABLE: type[Exception] = errors.HTTPError  # type: ignore[attr-defined]
"""What the hub's library raises of the network: httpx's, or httpx2's, by its release."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A repository of models, OWNER/NAME, and the commit there that its owner has seen last."""

    repository: str
    revision: str | None = None
    private: bool = False
    despite_licence: bool = False

    def __post_init__(self) -> None:
        if not _REPOSITORY.fullmatch(self.repository):
            raise ArgumentError(f"{self.repository!r} is no repository: OWNER/NAME was expected")
        if self.revision is not None and not _COMMIT.fullmatch(self.revision):
            raise ArgumentError(f"{self.revision!r} is no commit: 7 to 40 hexadecimal digits were expected")


def check(target: Target, origins: Sequence[Origin]) -> None:
    """Raises UserError where a licence forbids the push, and where nobody is logged in."""
    forbidden = [each for each in origins if each.may_be_given_away is False]
    if forbidden and not target.despite_licence:
        named = " and ".join(f"{each.name} ({each.licence})" for each in forbidden)
        raise UserError(
            f"the model has learnt from {named}, which doesn't let weights be given away: nothing is pushed;"
            " --despite-licence does it if you have leave"
        )
    token = get_token()
    if token is None:
        raise UserError("the hub doesn't know who you are: run `hf auth login`, or set HF_TOKEN")
    if not (token.isascii() and token.isprintable()):
        raise UserError("your token for the hub holds characters that none has: set HF_TOKEN anew")


def push(target: Target, contents: Mapping[str, bytes | Path]) -> str:
    """The address of the commit that puts the files into the repository, which is made where there is none.

    Raises UserError where it has changed since the commit that was named, where none was named though it is
    there, and where the hub can't be reached or refuses.
    """
    api = HfApi(library_name="inkdigits")
    try:
        operations = [
            CommitOperationAdd(path_in_repo=name, path_or_fileobj=content)
            for name, content in contents.items()
        ]
        commit = api.create_commit(
            target.repository,
            operations,
            commit_message="Model and card by inkdigits",
            parent_commit=_seen(api, target),
        )
    except HfHubHTTPError as error:
        raise UserError(f"the hub refuses {target.repository}: {_reason(error)}") from error
    except (_UNREACHABLE, OSError, RuntimeError) as error:  # the last of large files
        raise UserError(f"the hub at {api.endpoint} can't be reached: {_line(error)}") from error
    except ValueError as error:
        raise UserError(f"the hub doesn't take {target.repository} so: {_line(error)}") from error
    return str(commit.commit_url)


def _seen(api: HfApi, target: Target) -> str | None:
    """The commit that the new one goes on top of. Makes the repository where there is none."""
    newest, is_private = _newest(api, target.repository)
    if newest is None:
        if target.revision is not None:
            raise UserError(f"there is no {target.repository} yet, or not for you: leave out --revision")
        api.create_repo(target.repository, private=target.private)
        return _newest(api, target.repository)[0]
    if target.revision is None:
        raise UserError(
            f"{target.repository} is there already: look at what it holds, and name the commit that your push"
            f" goes on top of with --revision {newest}"
        )
    if not newest.startswith(target.revision):
        raise UserError(
            f"{target.repository} has changed since {target.revision}: look at what it holds now, and name"
            f" that with --revision {newest}"
        )
    if target.private and not is_private:
        raise UserError(f"{target.repository} is there already, for all to see: make it private on the hub")
    return newest


def _newest(api: HfApi, repository: str) -> tuple[str | None, bool]:
    """The newest commit, None where there is no repository, and whether it is private."""
    try:
        found = api.model_info(repository)
    except RepositoryNotFoundError:
        return None, False
    return found.sha, bool(found.private)


def _reason(error: HfHubHTTPError) -> str:
    """What the hub says, in a line."""
    status = error.response.status_code
    if status == 401:
        return "it doesn't know your token (status 401)"
    if status == 412:
        return "somebody has pushed to it meanwhile (status 412): look at what it holds now"
    return f"{error.server_message or _line(error)} (status {status})"


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
