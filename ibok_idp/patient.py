"""Questions to Keycloak that outlast the stop of one of its nodes."""

from __future__ import annotations

import time
from typing import Any

import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError

_PAUSE_SECONDS = 0.3  # the proxy meanwhile sees that the node is gone


def post(url: str, data: dict[str, str], *, timeout: float, repeatable: bool) -> requests.Response:
    """POST a form; once more when nobody has worked on it.

    A node that stops answers 503 to what it does not begin any more; a refused connection was seen by nobody. Then the same
    goes to another node.

    Args:
        timeout: seconds to connect, and to wait for the answer.
        repeatable: the same twice does no harm, so it is also repeated when the answer was lost on its way. Not for a
            refresh token that rotates: used twice it counts as stolen, and the session ends.

    Raises:
        requests.RequestException: no answer, the second time too.
    """
    try:
        answer = requests.post(url, data=data, timeout=timeout)
        if answer.status_code != 503 and not (repeatable and answer.status_code in (502, 504)):
            return answer
    except requests.ConnectionError as error:
        if not (repeatable or never_sent(error)):
            raise
    time.sleep(_PAUSE_SECONDS)
    return requests.post(url, data=data, timeout=timeout)


def never_sent(error: requests.ConnectionError) -> bool:
    """Whether the connection was not even made."""
    (inner, *_) = error.args or (None,)
    reason: Any = inner.reason if isinstance(inner, MaxRetryError) else inner
    return isinstance(reason, NewConnectionError)
